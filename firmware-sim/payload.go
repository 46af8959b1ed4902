package firmwaresim

import (
	"strconv"
	"time"
)

// MaxBatch is the largest number of readings in one message.
const MaxBatch = 5000

// Topic returns the topic on which the device with this id publishes.
func Topic(id string) string { return "buurtmeter/v1/" + id + "/readings" }

// order is the order of the values in a message: that of the names above.
func order() [5]string { return [5]string{NO2, PM25, PM10, Temperature, Humidity} }

// AppendReading appends the message of one reading.
func AppendReading(dst []byte, s Sample) []byte {
	dst = append(dst, `{"time":"`...)
	dst = s.At.UTC().AppendFormat(dst, "2006-01-02T15:04:05.999Z07:00")
	dst = append(dst, '"')
	if s.Interval >= time.Second && s.Interval%time.Second == 0 {
		dst = append(dst, `,"interval":`...)
		dst = strconv.AppendInt(dst, int64(s.Interval/time.Second), 10)
	}
	dst = append(dst, `,"values":{`...)
	first := true
	for _, name := range order() {
		v, ok := s.Values[name]
		if !ok {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, '"')
		dst = append(dst, name...)
		dst = append(dst, `":`...)
		dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
	}
	return append(dst, "}}"...)
}

// Messages puts the samples into messages: a lone sample as one reading, more as
// batches of at most perMessage readings (MaxBatch when that is not 1 to
// MaxBatch).
func Messages(samples []Sample, perMessage int) [][]byte {
	if perMessage < 1 || perMessage > MaxBatch {
		perMessage = MaxBatch
	}
	var messages [][]byte
	for len(samples) > 0 {
		n := min(len(samples), perMessage)
		messages = append(messages, message(samples[:n]))
		samples = samples[n:]
	}
	return messages
}

func message(samples []Sample) []byte {
	const size = 130 // bytes of a usual reading
	if len(samples) == 1 {
		return AppendReading(make([]byte, 0, size), samples[0])
	}
	dst := append(make([]byte, 0, 16+size*len(samples)), `{"readings":[`...)
	for i, s := range samples {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendReading(dst, s)
	}
	return append(dst, "]}"...)
}
