package serve

import (
	"container/list"
	"sync"
)

// cache keeps the most recently used values while the sum of their costs does not exceed its size.
type cache[K comparable, V any] struct {
	size int64

	mu    sync.Mutex
	used  int64
	order *list.List // of *cached, the most recently used first
	items map[K]*list.Element
}

type cached[K comparable, V any] struct {
	key   K
	value V
	cost  int64
}

func newCache[K comparable, V any](size int64) *cache[K, V] {
	return &cache[K, V]{size: size, order: list.New(), items: map[K]*list.Element{}}
}

func (c *cache[K, V]) get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		var none V
		return none, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached[K, V]).value, true
}

// put adds a value. A value that costs more than the whole size is not kept.
func (c *cache[K, V]) put(key K, value V, cost int64) {
	if cost > c.size {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.items[key]; ok {
		c.remove(e)
	}
	c.items[key] = c.order.PushFront(&cached[K, V]{key, value, cost})
	for c.used += cost; c.used > c.size; {
		c.remove(c.order.Back())
	}
}

func (c *cache[K, V]) remove(e *list.Element) {
	item := c.order.Remove(e).(*cached[K, V])
	delete(c.items, item.key)
	c.used -= item.cost
}
