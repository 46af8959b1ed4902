package geo

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/paulmach/orb"
)

// scanner reads nested arrays of numbers out of a text that is known to be
// valid JSON. Country-wide files hold millions of positions, for which a slice
// per position by reflection would be slow and large.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) next() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// list reads an array and calls item at the begin of each element, which must
// read it whole.
func (s *scanner) list(item func() error) error {
	if s.next() != '[' {
		return errors.New("coordinates are not nested as their type asks")
	}
	s.at++
	for s.next() != ']' {
		if err := item(); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.at++
		case ']':
		default:
			return errors.New("coordinates are not nested as their type asks")
		}
	}
	s.at++
	return nil
}

func (s *scanner) polygon() (orb.Polygon, error) {
	var p orb.Polygon
	err := s.list(func() error {
		r, err := s.ring()
		p = append(p, r)
		return err
	})
	return p, err
}

func (s *scanner) ring() (orb.Ring, error) {
	var r orb.Ring
	err := s.list(func() error {
		p, err := s.position()
		r = append(r, p)
		return err
	})
	return r, err
}

// position reads [lon, lat] and passes over a height.
func (s *scanner) position() (orb.Point, error) {
	var p orb.Point
	n := 0
	err := s.list(func() error {
		v, err := s.number()
		if n < 2 {
			p[n] = v
		}
		n++
		return err
	})
	if err == nil && n < 2 {
		err = errors.New("a position has fewer than two numbers")
	}
	return p, err
}

func (s *scanner) number() (float64, error) {
	s.next()
	from := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			s.at++
			continue
		}
		break
	}
	v, err := strconv.ParseFloat(string(s.text[from:s.at]), 64)
	if err != nil {
		return 0, fmt.Errorf("coordinates hold something that is no number: %.20q", s.text[from:])
	}
	return v, nil
}
