package decode

import (
	"bytes"
	"iter"
)

// maxNodes bounds the values in one message of a kit, and so the memory of its
// tree: some 80 bytes for each.
const maxNodes = 1 << 16

// shape is what a node is beyond its token, whose kind is kindOther for all but
// scalars.
type shape uint8

const (
	shapeScalar shape = iota
	shapeBool
	shapeObject
	shapeArray
	// shapeTwice is the value of a key that stands twice in its object: neither
	// value can be trusted, so it is not there for any reader.
	shapeTwice
)

// node is one value of a document that is read as a whole, because the keys that
// tell what a value means may come after it.
type node struct {
	token
	shape shape
	// key is the name of a member of an object.
	key []byte
	// begin and end enclose the value in the text; end is 0 in a text that broke off
	// within the value.
	begin, end int32
	// child is the first member or element and next the one after this; 0 is
	// none, because the root is nobody's child.
	child, next int32
}

// tree is one JSON text as a whole.
type tree struct {
	text  []byte
	nodes []node
}

// root is the outermost value.
func (t *tree) root() *node { return &t.nodes[0] }

// is tells the shape of a node that may be absent.
func (n *node) is(s shape) bool { return n != nil && n.shape == s }

// unset tells whether the node is absent or null.
func (n *node) unset() bool { return n == nil || n.kind == kindNull }

// isTrue tells true from false.
func (t *tree) isTrue(n *node) bool { return n.is(shapeBool) && t.text[n.begin] == 't' }

// source is the text of the node, as it was sent.
func (t *tree) source(n *node) []byte { return t.text[n.begin:n.end] }

// children walks over the members or elements of n; over nothing when n is
// absent or a scalar.
func (t *tree) children(n *node) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		if n == nil {
			return
		}
		for i := n.child; i != 0; i = t.nodes[i].next {
			if !yield(&t.nodes[i]) {
				return
			}
		}
	}
}

// member returns the value of the key; nil when n is no object or has no such key.
func (t *tree) member(n *node, key string) *node {
	if !n.is(shapeObject) {
		return nil
	}
	for i := n.child; i != 0; i = t.nodes[i].next {
		if string(t.nodes[i].key) == key {
			return &t.nodes[i]
		}
	}
	return nil
}

// grower reads a text into a tree.
type grower struct {
	scanner
	nodes []node
	full  bool
}

// grow reads the value of the key that starts here, and all that is in it. When it
// fails, the nodes on the way there have no end yet.
func (g *grower) grow(depth int, key []byte) (at int32, ok bool) {
	if len(g.nodes) == maxNodes {
		g.full = true
		return 0, g.fail("the message has too many values")
	}
	if depth > maxDepth {
		return 0, g.fail("the values are nested too deep")
	}
	at = int32(len(g.nodes))
	first := g.peek()
	g.nodes = append(g.nodes, node{key: key, begin: int32(g.i)})
	last := int32(0)
	inside := func(key []byte) bool {
		i, ok := g.grow(depth+1, key)
		if !ok {
			return false
		}
		if last == 0 {
			g.nodes[at].child = i
		} else {
			g.nodes[last].next = i
		}
		last = i
		return true
	}
	switch first {
	case '{':
		g.nodes[at].shape, g.nodes[at].kind = shapeObject, kindOther
		if ok = g.object(inside); ok {
			g.mark(at)
		}
	case '[':
		g.nodes[at].shape, g.nodes[at].kind = shapeArray, kindOther
		ok = g.array(func() bool { return inside(nil) })
	default:
		var t token
		t, ok = g.value(depth)
		g.nodes[at].token = t
		if t.kind == kindOther {
			g.nodes[at].shape = shapeBool
		}
	}
	if ok {
		g.nodes[at].end = int32(g.i)
	}
	return at, ok
}

// fewMembers is up to how many members comparing each with each is cheapest.
const fewMembers = 24

// mark finds the keys that stand twice in the object, keeps the first of each
// and takes its value away.
func (g *grower) mark(object int32) {
	count := 0
	for i := g.nodes[object].child; i != 0; i = g.nodes[i].next {
		count++
	}
	var seen map[string]int32
	if count > fewMembers {
		seen = make(map[string]int32, count)
	}
	previous := int32(0)
	for i := g.nodes[object].child; i != 0; i = g.nodes[i].next {
		first, twice := int32(0), false
		if seen == nil {
			for j := g.nodes[object].child; j != i && !twice; j = g.nodes[j].next {
				first, twice = j, bytes.Equal(g.nodes[j].key, g.nodes[i].key)
			}
		} else if first, twice = seen[string(g.nodes[i].key)]; !twice {
			seen[string(g.nodes[i].key)] = i
		}
		if !twice {
			previous = i
			continue
		}
		n := &g.nodes[first]
		n.token, n.shape, n.child = token{kind: kindOther}, shapeTwice, 0
		g.nodes[previous].next = g.nodes[i].next
	}
}
