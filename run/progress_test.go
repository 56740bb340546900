package run

import (
	"testing"
	"time"
)

// The time that is left is in proportion to what was done and is to do in this
// process, whatever an earlier one did.
func TestProgressLeft(t *testing.T) {
	var last Progress
	p := &Tracker{
		listen: func(now Progress) { last = now }, count: func(int, int) {},
		begin: time.Now().Add(-time.Minute), total: 100, work: 100,
	}
	p.Skip(60)
	share, end := p.Shard(20)
	other, _ := p.Shard(20)
	share(0.5)
	if last.Images != 60 || last.Share != 0.25 || last.Left.Round(time.Second) != 3*time.Minute {
		t.Errorf("a quarter in a minute: %+v", last)
	}
	other(0.5)
	end()
	if last.Images != 80 || last.Share != 0.75 || last.Left.Round(time.Second) != 20*time.Second {
		t.Errorf("three quarters in a minute: %+v", last)
	}
	p.begin = time.Now()
	if other(0.75); last.Left != 0 {
		t.Errorf("the time left is known at the start: %+v", last)
	}
}
