package register_test

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

const november2026 reading.Month = (2026-1970)*12 + 10

// walk returns a month as a sensor gives it: a slow walk in steps of grain
// (in 1/HourScale unit), a few gaps, captures that vary, few flags.
func walk(seed uint64, m reading.Month, grain int32) reading.Block {
	rnd := rand.New(rand.NewPCG(seed, 7))
	b := reading.NewBlock("walker", reading.NO2, m)
	v, gap := 250.0, 0
	for i := range b.Values {
		v = math.Max(0, v+rnd.NormFloat64()*18+(220-v)*0.03)
		if gap == 0 && rnd.IntN(150) == 0 {
			gap = 1 + rnd.IntN(12)
		}
		if gap > 0 {
			gap--
			continue
		}
		b.Values[i] = int32(math.Round(v*1000/float64(grain))) * grain
		b.Capture[i] = reading.FullHour
		if rnd.IntN(20) == 0 {
			b.Capture[i] = uint8(45 + rnd.IntN(15))
		}
		if rnd.IntN(90) == 0 {
			b.Flags[i] = reading.Duplicate
		}
	}
	return b
}

func roundTrip(t *testing.T, b reading.Block) {
	t.Helper()
	require.NoError(t, b.Check())
	got, err := register.DecodeBlock(b.Station, b.Property, b.Month, register.EncodeBlock(b))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(b, got))
}

func TestBlockRoundTripOfCases(t *testing.T) {
	empty := reading.NewBlock("s", reading.PM25, november2026)
	extremes, constant, zero := reading.NewBlock("s", reading.PM25, 0), reading.NewBlock("s", reading.PM10, -13), reading.NewBlock("s", reading.PM10, 1)
	for i := range extremes.Values {
		extremes.Values[i] = []int32{math.MaxInt32, math.MinInt32 + 1, 0, reading.Missing}[i%4]
		extremes.Capture[i], extremes.Flags[i] = uint8(i), reading.Flag(i*9_770_003)
	}
	for i := range constant.Values {
		constant.Values[i], constant.Capture[i], constant.Flags[i] = -170_000, 60, reading.Constant
	}
	zero.Values[5], zero.Capture[5] = 0, 60
	for name, b := range map[string]reading.Block{"empty": empty, "extremes": extremes, "constant": constant, "one zero": zero} {
		t.Run(name, func(t *testing.T) { roundTrip(t, b) })
	}
	assert.Less(t, len(register.EncodeBlock(empty)), 24)
	assert.Less(t, len(register.EncodeBlock(constant)), 800)
}

func TestBlockRoundTripProperty(t *testing.T) {
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		m := reading.Month(rnd.IntN(1200) - 100)
		b := walk(seed, m, []int32{1, 10, 1000, 10_000}[rnd.IntN(4)])
		for range rnd.IntN(40) {
			i := rnd.IntN(len(b.Values))
			b.Values[i] = int32(rnd.Uint32())
			b.Capture[i], b.Flags[i] = uint8(rnd.UintN(256)), reading.Flag(rnd.Uint32())
		}
		roundTrip(t, b)
	}
}

// oldBlock was written by the program of before.
const oldBlock = "AdAFAxYBtgUB4MUIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB5FgG2BUEBwCBBEgG2BZ+Deog="

// A block that was written while flags had 16 bits still reads: the stored form
// of a flag is a number of any size.
func TestBlockOfBeforeTheFlagsGrewStillReads(t *testing.T) {
	b := reading.NewBlock("s", reading.NO2, november2026)
	for i := range 24 {
		b.Values[i], b.Capture[i], b.Flags[i] = 70_000, 60, reading.Constant
	}
	b.Flags[3] |= reading.Withdrawn
	stored, err := base64.StdEncoding.DecodeString(oldBlock)
	require.NoError(t, err)
	got, err := register.DecodeBlock(b.Station, b.Property, b.Month, stored)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(b, got))
	require.Equal(t, stored, register.EncodeBlock(b), "and is written as before")
}

func TestBlockOfTenthsTakesAtMostTwoBytesAValue(t *testing.T) {
	var size, values int
	for seed := range uint64(50) {
		b := walk(seed, november2026, 1000)
		size += len(register.EncodeBlock(b))
		for _, v := range b.Values {
			if v != reading.Missing {
				values++
			}
		}
	}
	per := float64(size) / float64(values)
	t.Logf("%.2f bytes a value, captures and flags included", per)
	assert.LessOrEqual(t, per, 2.0)
}

func TestDecodeBlockRefusesEveryFlippedAndCutByte(t *testing.T) {
	b := walk(3, november2026, 1000)
	data := register.EncodeBlock(b)
	for i := range data {
		bad := append([]byte(nil), data...)
		bad[i] ^= 1 << (i % 8)
		_, err := register.DecodeBlock(b.Station, b.Property, b.Month, bad)
		require.ErrorIs(t, err, register.ErrCorruptBlock, "byte %d", i)
		_, err = register.DecodeBlock(b.Station, b.Property, b.Month, data[:i])
		require.ErrorIs(t, err, register.ErrCorruptBlock, "cut at %d", i)
	}
	_, err := register.DecodeBlock(b.Station, b.Property, b.Month+1, data)
	require.ErrorIs(t, err, register.ErrCorruptBlock, "another month has another length")
	_, err = register.DecodeBlock(b.Station, b.Property, b.Month, seal(append(data[:len(data)-4:len(data)-4], 0)))
	require.ErrorIs(t, err, register.ErrCorruptBlock, "trailing byte with a good checksum")
}

// seal appends the checksum, so that the parser behind it is reached.
func seal(body []byte) []byte {
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

func TestDecodeBlockTakesNothingThatIsNotABlock(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 13))
	refused := 0
	for i := range 2_000 {
		data := register.EncodeBlock(walk(uint64(i%8), november2026, 1000))
		body := append([]byte(nil), data[:len(data)-4]...)
		for range 1 + rnd.IntN(3) {
			body[rnd.IntN(len(body))] = byte(rnd.UintN(256))
		}
		b, err := register.DecodeBlock("s", reading.NO2, november2026, seal(body[:len(body)-rnd.IntN(2)]))
		if err != nil {
			refused++
			continue
		}
		roundTrip(t, b)
	}
	require.Greater(t, refused, 200)
}

func FuzzDecodeBlock(f *testing.F) {
	for seed := range uint64(4) {
		data := register.EncodeBlock(walk(seed, november2026, []int32{1, 1000, 10_000, 7}[seed]))
		f.Add(data[:len(data)-4])
	}
	f.Add([]byte{1, 0xd0, 5, 3, 0xce, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := register.DecodeBlock("s", reading.NO2, november2026, seal(append([]byte(nil), body...)))
		if err != nil {
			require.ErrorIs(t, err, register.ErrCorruptBlock)
			return
		}
		// What decodes is a real block, and survives another round.
		roundTrip(t, b)
	})
}

// BenchmarkDecodeBlock: go test -run - -bench DecodeBlock ./ingest/register
func BenchmarkDecodeBlock(b *testing.B) {
	for name, grain := range map[string]int32{"tenths": 1000, "full": 1} {
		b.Run(name, func(b *testing.B) {
			block := walk(1, november2026, grain)
			data := register.EncodeBlock(block)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := register.DecodeBlock(block.Station, block.Property, block.Month, data); err != nil {
					b.Fatal(err)
				}
			}
			n := float64(len(block.Values))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/hour")
			b.ReportMetric(float64(len(data))/n, "bytes/hour")
		})
	}
}

// BenchmarkEncodeBlock: go test -run - -bench EncodeBlock ./ingest/register
func BenchmarkEncodeBlock(b *testing.B) {
	block := walk(1, november2026, 1000)
	b.ReportAllocs()
	for b.Loop() {
		_ = register.EncodeBlock(block)
	}
}
