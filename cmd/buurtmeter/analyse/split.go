package analyse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxRecord is the longest line, or record with quoted line feeds, that is
// read: what is longer is no table, or a quote was not closed.
const maxRecord = 1 << 20

var errNoEnd = errors.New("the quote is not closed")

// splitter reads records of a CSV file: quoted fields with doubled quotes and
// line feeds, LF, CRLF or CR at the end of a line.
type splitter struct {
	r     *bufio.Reader
	comma byte
	eol   byte
	// line is the line on which the record begins, next the one after it.
	line, next int
	fields     [][]byte
	record     []byte
	// raw is, when keep is set, every byte that was read since it was last made
	// empty.
	keep bool
	raw  []byte
}

// read reads the next record that is not blank; io.EOF at the end. The fields
// are valid until the next call.
func (s *splitter) read() error {
	for {
		s.line = s.next
		b, err := s.readLine()
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(b)) == 0 {
			continue
		}
		s.fields = s.fields[:0]
		if bytes.IndexByte(b, '"') < 0 {
			s.cut(b)
			return nil
		}
		s.record = append(s.record[:0], b...)
		return s.unquote()
	}
}

// readLine returns the next line without its end.
func (s *splitter) readLine() ([]byte, error) {
	b, err := s.r.ReadSlice(s.eol)
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("the line is longer than %d bytes", maxRecord)
	case errors.Is(err, io.EOF) && len(b) > 0: // the last line has no end
	case err != nil:
		return nil, err
	}
	s.next++
	if s.keep {
		s.raw = append(s.raw, b...)
	}
	b = bytes.TrimSuffix(b, []byte{s.eol})
	return bytes.TrimSuffix(b, []byte{'\r'}), nil
}

// cut splits a line without quotes.
func (s *splitter) cut(b []byte) {
	for {
		i := bytes.IndexByte(b, s.comma)
		if i < 0 {
			s.fields = append(s.fields, b)
			return
		}
		s.fields = append(s.fields, b[:i])
		b = b[i+1:]
	}
}

// unquote splits s.record, in place, and reads on while a quote is open.
func (s *splitter) unquote() error {
	at := 0
	for {
		start := at
		for start < len(s.record) && s.record[start] == ' ' {
			start++
		}
		if start == len(s.record) || s.record[start] != '"' {
			end := bytes.IndexByte(s.record[at:], s.comma)
			if end < 0 {
				s.fields = append(s.fields, s.record[at:])
				return nil
			}
			s.fields = append(s.fields, s.record[at:at+end])
			at += end + 1
			continue
		}
		field, after, err := s.quoted(start + 1)
		if err != nil {
			return err
		}
		s.fields = append(s.fields, field)
		for after < len(s.record) && s.record[after] == ' ' {
			after++
		}
		if after == len(s.record) {
			return nil
		}
		if s.record[after] != s.comma {
			return fmt.Errorf("field %d: a closing quote is followed by %q", len(s.fields), s.record[after])
		}
		at = after + 1
	}
}

// quoted takes the field that begins at from, behind its quote, and returns it
// with where its closing quote ends.
func (s *splitter) quoted(from int) (field []byte, after int, err error) {
	to := from // the field is moved together over its doubled quotes
	for i := from; ; i++ {
		if i >= len(s.record) {
			if err := s.extend(); err != nil {
				return nil, 0, err
			}
		}
		c := s.record[i]
		if c == '"' {
			if i+1 >= len(s.record) || s.record[i+1] != '"' {
				return s.record[from:to], i + 1, nil
			}
			i++
		}
		s.record[to] = c
		to++
	}
}

// extend adds a line feed and the next line to a record whose quote is open.
// Fields that were taken from the record stay what they were.
func (s *splitter) extend() error {
	b, err := s.readLine()
	switch {
	case errors.Is(err, io.EOF):
		return errNoEnd
	case err != nil:
		return err
	case len(s.record)+len(b)+1 > maxRecord:
		return errNoEnd
	}
	s.record = append(append(s.record, '\n'), b...)
	return nil
}

// commas are what may stand between fields. Where two of them split a sample
// equally well, the first is meant: a comma is also a decimal mark.
const commas = "\t;|,"

// guessComma finds what stands between the fields of a sample: what splits the
// most lines into as many fields as the heading has, and then into the most.
func guessComma(sample []byte, eol byte) byte {
	best, bestLines, bestFields := byte(','), 0, 0
	for _, c := range []byte(commas) {
		heading, lines := 0, 0
		rest := sample
		for n := 0; n < 50 && len(rest) > 0; {
			line := rest
			if i := bytes.IndexByte(rest, eol); i >= 0 {
				line, rest = rest[:i], rest[i+1:]
			} else {
				if rest = nil; n > 0 {
					break // the sample may end within a line
				}
			}
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			fields := countFields(line, c)
			if n == 0 {
				heading = fields
			}
			if fields == heading && fields > 1 {
				lines++
			}
			n++
		}
		if lines > bestLines || lines == bestLines && heading > bestFields && lines > 0 {
			best, bestLines, bestFields = c, lines, heading
		}
	}
	return best
}

func countFields(line []byte, comma byte) int {
	n, quoted := 1, false
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == comma && !quoted:
			n++
		}
	}
	return n
}
