package register

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// The stored form of a month block:
//
//	byte     blockFormat
//	uvarint  number of hours
//	runs     presence: 1 where there is a value, 0 where it is missing
//	         (when there is at least one value:)
//	uvarint  step, the greatest common divisor of all differences
//	varint   first value
//	varint*  difference with the value before, divided by step
//	runs     capture
//	runs     flags
//	4 bytes  CRC-32C of all bytes before, little endian
//
// A run is a uvarint of value*2, or of value*2+1 followed by a uvarint of the
// run length minus 2: a lone value costs nothing extra. The step makes data of
// 0.1 unit, which is kept in 1/10000 unit, cost one byte a value.
const (
	blockFormat = 1
	checksumLen = 4
)

// ErrCorruptBlock is wrapped by every error of DecodeBlock.
var ErrCorruptBlock = ingest.ErrCorruptBlock

// EncodeBlock packs the values, captures and flags of b; station, property and
// month are not in it. b must pass reading.Block.Check. Equal blocks give equal
// bytes.
func EncodeBlock(b reading.Block) []byte {
	out := make([]byte, 0, 2*len(b.Values)+32)
	out = append(out, blockFormat)
	out = binary.AppendUvarint(out, uint64(len(b.Values)))
	out = appendRuns(out, len(b.Values), func(i int) uint64 {
		if b.Values[i] == reading.Missing {
			return 0
		}
		return 1
	})
	out = appendValues(out, b.Values)
	out = appendRuns(out, len(b.Capture), func(i int) uint64 { return uint64(b.Capture[i]) })
	out = appendRuns(out, len(b.Flags), func(i int) uint64 { return uint64(b.Flags[i]) })
	return binary.LittleEndian.AppendUint32(out, checksum(out))
}

func checksum(p []byte) uint32 { return crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)) }

func appendRuns(out []byte, n int, at func(int) uint64) []byte {
	for i := 0; i < n; {
		v, j := at(i), i+1
		for j < n && at(j) == v {
			j++
		}
		if run := j - i; run == 1 {
			out = binary.AppendUvarint(out, v<<1)
		} else {
			out = binary.AppendUvarint(out, v<<1|1)
			out = binary.AppendUvarint(out, uint64(run-2))
		}
		i = j
	}
	return out
}

func appendValues(out []byte, values []int32) []byte {
	step, prev, seen := int64(0), int64(0), false
	for _, v := range values {
		if v == reading.Missing {
			continue
		}
		if seen {
			step = gcd(step, int64(v)-prev)
		}
		prev, seen = int64(v), true
	}
	if !seen {
		return out
	}
	step = max(step, 1)
	out = binary.AppendUvarint(out, uint64(step))
	seen = false
	for _, v := range values {
		switch {
		case v == reading.Missing:
			continue
		case seen:
			out = binary.AppendVarint(out, (int64(v)-prev)/step)
		default:
			out = binary.AppendVarint(out, int64(v))
		}
		prev, seen = int64(v), true
	}
	return out
}

// gcd returns the greatest common divisor, never negative; gcd(0, b) is |b|.
func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}

// DecodeBlock unpacks data that EncodeBlock made for a block of the same month.
// Data that is not exactly such a block gives an error that wraps
// ErrCorruptBlock, never a block with invented or missing values.
func DecodeBlock(s reading.StationID, p reading.Property, m reading.Month, data []byte) (reading.Block, error) {
	b, err := decodeBlock(s, p, m, data)
	if err != nil {
		return reading.Block{}, fmt.Errorf("%w of station %s, %s, %s: %w (it is computed again from the raw readings when an hour of its month is marked)",
			ErrCorruptBlock, s, p, m, err)
	}
	return b, nil
}

func decodeBlock(s reading.StationID, p reading.Property, m reading.Month, data []byte) (reading.Block, error) {
	if len(data) < 1+checksumLen {
		return reading.Block{}, fmt.Errorf("%d bytes is too short", len(data))
	}
	if data[0] != blockFormat {
		return reading.Block{}, fmt.Errorf("unknown format %d: it was written by another version of this program", data[0])
	}
	body := data[:len(data)-checksumLen]
	if binary.LittleEndian.Uint32(data[len(body):]) != checksum(body) {
		return reading.Block{}, errors.New("the checksum does not match")
	}
	r := &blockReader{data: body, pos: 1}
	b := reading.Block{Station: s, Property: p, Month: m}
	n := m.Hours()
	if r.uvarint() != uint64(n) {
		return reading.Block{}, errors.New("the number of hours is not that of the month")
	}
	b.Values, b.Capture, b.Flags = make([]int32, n), make([]uint8, n), make([]reading.Flag, n)
	present := markRuns(r, b.Values)
	if present > 0 {
		readValues(r, b.Values)
	}
	fillRuns(r, b.Capture, math.MaxUint8)
	fillRuns(r, b.Flags, math.MaxUint32)
	switch {
	case r.bad:
		return reading.Block{}, errors.New("the content cannot be read")
	case r.pos != len(r.data):
		return reading.Block{}, fmt.Errorf("%d bytes follow the content", len(r.data)-r.pos)
	}
	return b, nil
}

// blockReader walks through the body of a block. After the first fault bad is
// set, pos stands at the end and every further read gives 0.
type blockReader struct {
	data []byte
	pos  int
	bad  bool
}

func (r *blockReader) fail() { r.bad, r.pos = true, len(r.data) }

func (r *blockReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data[r.pos:])
	if n <= 0 {
		r.fail()
		return 0
	}
	r.pos += n
	return v
}

// run reads one run of at most left elements with a value of at most limit.
func (r *blockReader) run(left int, limit uint64) (v uint64, n int) {
	t := r.uvarint()
	v, n = t>>1, 1
	if t&1 == 1 {
		more := r.uvarint()
		if more > uint64(left) {
			r.fail()
			return 0, 0
		}
		n = int(more) + 2
	}
	if r.bad || v > limit || n > left {
		r.fail()
		return 0, 0
	}
	return v, n
}

// markRuns reads the presence and leaves Missing at the hours without a value;
// it returns the number of hours with one.
func markRuns(r *blockReader, values []int32) (present int) {
	for i := 0; i < len(values); {
		v, n := r.run(len(values)-i, 1)
		if r.bad {
			return 0
		}
		if v == 1 {
			present += n
		} else {
			for j := i; j < i+n; j++ {
				values[j] = reading.Missing
			}
		}
		i += n
	}
	return present
}

// readValues fills in the hours that are not marked Missing.
func readValues(r *blockReader, values []int32) {
	u := r.uvarint()
	if u == 0 || u > math.MaxUint32 {
		r.fail()
		return
	}
	step := int64(u)
	// Local copies keep the loop in registers: it runs once for every hour of
	// every block that a page or feed reads.
	data, pos := r.data, r.pos
	acc, scale := int64(0), int64(1)
	for i, v := range values {
		if v == reading.Missing {
			continue
		}
		var z uint64
		if pos < len(data) && data[pos] < 0x80 {
			z = uint64(data[pos])
			pos++
		} else {
			var n int
			if z, n = binary.Uvarint(data[pos:]); n <= 0 || z > 1<<34 {
				r.fail()
				return
			}
			pos += n
		}
		d := int64(z>>1) ^ -int64(z&1)
		acc += d * scale
		if acc <= math.MinInt32 || acc > math.MaxInt32 {
			r.fail()
			return
		}
		values[i] = int32(acc)
		scale = step
	}
	r.pos = pos
}

func fillRuns[T ~uint8 | ~uint32](r *blockReader, out []T, limit uint64) {
	for i := 0; i < len(out); {
		v, n := r.run(len(out)-i, limit)
		if r.bad {
			return
		}
		for j := i; j < i+n; j++ {
			out[j] = T(v)
		}
		i += n
	}
}
