package calibration

import (
	"fmt"
	"math"
)

// dependent is the least part of a standard column that must be left once the
// columns before it are taken off. Below it 8 of 16 digits are gone.
const dependent = 1e-8

// solve minimises |y - X b| by Householder reflections of the columns of X, which
// it overwrites together with y. It returns the upper triangle R, b and what is
// left of the squares.
func solve(x [][]float64, y []float64, names []string) (r [][]float64, b []float64, rss float64, err error) {
	p := len(x)
	r = make([][]float64, p)
	for k := range p {
		v := x[k][k:]
		length := math.Sqrt(dot(v, v))
		if !(length > dependent) {
			return nil, nil, 0, fmt.Errorf("%s: %w", names[k], ErrDependent)
		}
		if v[0] > 0 {
			length = -length
		}
		// The reflection takes v to (length, 0, …).
		v[0] -= length
		norm := dot(v, v)
		for j := k + 1; j < p; j++ {
			reflect(x[j][k:], v, norm)
		}
		reflect(y[k:], v, norm)
		r[k] = make([]float64, p)
		r[k][k] = length
	}
	for k := range p {
		for j := k + 1; j < p; j++ {
			r[k][j] = x[j][k]
		}
	}
	b = make([]float64, p)
	for k := p - 1; k >= 0; k-- {
		b[k] = y[k]
		for j := k + 1; j < p; j++ {
			b[k] -= r[k][j] * b[j]
		}
		b[k] /= r[k][k]
	}
	return r, b, dot(y[p:], y[p:]), nil
}

func reflect(c, v []float64, norm float64) {
	f := 2 * dot(c, v) / norm
	for i := range c {
		c[i] -= f * v[i]
	}
}

// inverse returns the inverse of R'R.
func inverse(r [][]float64) [][]float64 {
	p := len(r)
	t := make([][]float64, p) // the inverse of R, by rows
	for i := range t {
		t[i] = make([]float64, p)
	}
	for j := range p {
		t[j][j] = 1 / r[j][j]
		for i := j - 1; i >= 0; i-- {
			for k := i + 1; k <= j; k++ {
				t[i][j] -= r[i][k] * t[k][j]
			}
			t[i][j] /= r[i][i]
		}
	}
	inv := make([][]float64, p)
	for i := range inv {
		inv[i] = make([]float64, p)
		for j := range inv[i] {
			inv[i][j] = dot(t[i], t[j])
		}
	}
	return inv
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}
