package main

import "unsafe"

// stream reads every byte of the values once and adds them up, two values at a
// time: how fast the memory gives them, whatever is computed.
func (t *town) stream(workers int) (sum uint64) {
	parts := make([]uint64, workers)
	t.split(workers, func(w, from, to int) {
		values := t.values[from*hours : to*hours]
		// A year is an even number of hours, and the array begins on a word.
		words := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(values))), len(values)/2)
		var a, b, c, d uint64
		for ; len(words) >= 8; words = words[8:] {
			a += words[0] + words[4]
			b += words[1] + words[5]
			c += words[2] + words[6]
			d += words[3] + words[7]
		}
		for _, w := range words {
			a += w
		}
		parts[w] = a + b + c + d
	})
	for _, p := range parts {
		sum += p
	}
	return sum
}
