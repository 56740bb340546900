package jsonerror

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

type inner struct {
	Count  int                `json:"count"`
	Share  float64            `json:"share"`
	Seeds  []uint64           `json:"seeds"`
	Names  map[string]string  `json:"names"`
	On     *bool              `json:"on"`
	Single [2]float32         `json:"single"`
	Deep   map[string][]inner `json:"deep"`
}

// Plain describes all errors of encoding/json without names of Go.
func TestPlain(t *testing.T) {
	for _, x := range []struct{ text, want string }{
		{"", "it is empty"},
		{"  ", "it is empty"},
		{"{", "it ends in the middle of its JSON"},
		{`{"count":1`, "it ends in the middle of its JSON"},
		{`{"count":"`, "it ends in the middle of its JSON"},
		{"x", "it is not JSON at byte 1: invalid character 'x'"},
		{`{"count":NaN}`, "it is not JSON at byte 10: invalid character 'N'"},
		{`{"count":nul}`, "it is not JSON at byte 13: invalid character '}'"},
		{`{"count" 1}`, "it is not JSON at byte 10: invalid character '1'"},
		{`{'count':1}`, `it is not JSON at byte 2: invalid character '\''`},
		{"[]", "it is a list, want keys with values"},
		{"5", "it is a number, want keys with values"},
		{`"a"`, "it is a string, want keys with values"},
		{"true", "it is true or false, want keys with values"},
		{`{"count":"a"}`, "count is a string, want a whole number"},
		{`{"count":1.5}`, "count is 1.5, want a whole number"},
		{`{"count":true}`, "count is true or false, want a whole number"},
		{`{"share":{}}`, "share is an object, want a number"},
		{`{"seeds":5}`, "seeds is a number, want a list"},
		{`{"seeds":[-1]}`, "seeds is -1, want a whole number from 0"},
		{`{"names":[]}`, "names is a list, want keys with values"},
		{`{"names":{"a":1}}`, "names is a number, want text"},
		{`{"on":1}`, "on is a number, want true or false"},
		{`{"single":"a"}`, "single is a string, want a list"},
		{`{"other":1}`, `it has an unknown key "other"`},
	} {
		d := json.NewDecoder(strings.NewReader(x.text))
		d.DisallowUnknownFields()
		err := Plain(d.Decode(new(inner)))
		if err == nil || err.Error() != x.want {
			t.Errorf("%s: %v, want %s", x.text, err, x.want)
		}
	}
	if err := Plain(nil); err != nil {
		t.Errorf("Plain(nil) is %v", err)
	}
	if other := errors.New("other"); Plain(other) != other {
		t.Error("Plain changes an error of another package")
	}
}
