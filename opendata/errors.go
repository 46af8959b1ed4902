package opendata

import "errors"

// ErrNotReady is returned before the first snapshot was built.
var ErrNotReady = errors.New("the data is being prepared")
