package geo

import (
	"sync"
	"sync/atomic"
)

// holder keeps the index of the boundaries that are in use, and replaces it
// when they change. Who asks for the boundaries that it holds never waits, also
// not while the index of others is built. The zero value holds none.
type holder struct {
	now   atomic.Pointer[held]
	build sync.Mutex // one index is built at a time
}

type held struct {
	vintage
	*Index
}

// of returns the index of the vintage, made by build unless it is held. After an
// error the holder is what it was.
func (h *holder) of(v vintage, build func() (*Index, error)) (*Index, error) {
	if now := h.now.Load(); now != nil && now.vintage == v {
		return now.Index, nil
	}
	h.build.Lock()
	defer h.build.Unlock()
	if now := h.now.Load(); now != nil && now.vintage == v { // built while we waited
		return now.Index, nil
	}
	x, err := build()
	if err != nil {
		return nil, err
	}
	h.now.Store(&held{v, x})
	return x, nil
}
