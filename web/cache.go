package web

import "sync"

// document is a finished answer with its packed form and ETag.
type document struct {
	body, packed []byte
	tag          string
}

// maxCached bounds the kept answers, in bytes.
const maxCached = 48 << 20

// cache keeps finished answers of one version of the data. It is safe for use
// by several requests at once.
type cache struct {
	mu      sync.Mutex
	version string
	docs    map[string]document
	bytes   int
}

func newCache() *cache { return &cache{docs: map[string]document{}} }

func (c *cache) get(version, key string) (document, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != version {
		return document{}, false
	}
	d, ok := c.docs[key]
	return d, ok
}

// put keeps d. A new version of the data, or a full cache, starts it afresh.
func (c *cache) put(version, key string, d document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := len(d.body) + len(d.packed)
	if c.version != version || c.bytes+size > maxCached {
		c.version, c.docs, c.bytes = version, map[string]document{}, 0
	}
	if _, ok := c.docs[key]; !ok {
		c.bytes += size
	}
	c.docs[key] = d
}
