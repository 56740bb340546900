package keyed

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseRefusesTextsWithTooManyKeys(t *testing.T) {
	var flat strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&flat, "k%d: 1\n", i)
	}
	for name, text := range map[string]string{
		"keys":   flat.String(),
		"a list": "a: [" + strings.Repeat("1,", 100_000) + "1]",
		"depth":  strings.Repeat("[", 500_000),
		"aliases": "a: &a [1,1,1,1,1,1,1,1,1]\n" + func() (s string) {
			for c := 'b'; c < 'k'; c++ {
				s += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
			}
			return s
		}(),
	} {
		begin := time.Now()
		if _, err := Parse([]byte(text), ""); err == nil {
			t.Errorf("%s: no error", name)
		} else if len(err.Error()) > 300 {
			t.Errorf("%s: an error of %d characters", name, len(err.Error()))
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}
