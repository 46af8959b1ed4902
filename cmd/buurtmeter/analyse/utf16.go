package analyse

import (
	"bufio"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// utf16Reader gives UTF-16 as UTF-8: what Excel saves as 'Unicode text'.
type utf16Reader struct {
	r    *bufio.Reader
	big  bool // the high byte comes first
	rest []byte
	err  error
}

func (u *utf16Reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(u.rest) == 0 {
			c, err := u.rune()
			if err != nil {
				if n > 0 {
					return n, nil // the error comes again
				}
				return 0, err
			}
			u.rest = utf8.AppendRune(u.rest[:0], c)
		}
		k := copy(p[n:], u.rest)
		n, u.rest = n+k, u.rest[k:]
	}
	return n, nil
}

func (u *utf16Reader) rune() (rune, error) {
	c, err := u.unit()
	if err != nil || !utf16.IsSurrogate(c) {
		return c, err
	}
	low, err := u.unit()
	if err != nil {
		return 0, err
	}
	return utf16.DecodeRune(c, low), nil
}

func (u *utf16Reader) unit() (rune, error) {
	if u.err != nil {
		return 0, u.err
	}
	var b [2]byte
	_, u.err = io.ReadFull(u.r, b[:])
	switch {
	case errors.Is(u.err, io.ErrUnexpectedEOF):
		u.err = errors.New("half a character at the end of UTF-16 text: is the file whole?")
		return 0, u.err
	case u.err != nil:
		return 0, u.err
	case u.big:
		b[0], b[1] = b[1], b[0]
	}
	return rune(b[0]) | rune(b[1])<<8, nil
}
