package machine

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/sys/cpu"
)

// withInstructions lets the processor have, or lack, instructions for the test.
func withInstructions(t *testing.T, has bool) {
	t.Helper()
	was := cpu.X86
	t.Cleanup(func() { cpu.X86 = was })
	cpu.X86.HasAVX512BF16, cpu.X86.HasAMXBF16 = has, false
}

func TestPrecisionNeedsInstructions(t *testing.T) {
	withInstructions(t, false)
	if err := BFloat16.Check(); err == nil || !strings.Contains(err.Error(), "AVX512_BF16 or AMX") {
		t.Errorf("without instructions: %v", err)
	}
	for _, p := range []Precision{Float32, Auto} {
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	if got := Auto.Choose(true); got != Float32 {
		t.Errorf("auto is %s without instructions", got)
	}
	cpu.X86.HasAMXBF16 = true
	if err := BFloat16.Check(); err != nil {
		t.Errorf("with AMX: %v", err)
	}
}

func TestAutoTakesBFloat16WhereItPays(t *testing.T) {
	withInstructions(t, true)
	for _, test := range []struct {
		asked Precision
		pays  bool
		want  Precision
	}{
		{Auto, true, BFloat16}, {Auto, false, Float32},
		{Float32, true, Float32}, {BFloat16, false, BFloat16},
	} {
		if got := test.asked.Choose(test.pays); got != test.want {
			t.Errorf("%s, pays %t: %s, want %s", test.asked, test.pays, got, test.want)
		}
	}
}

func TestPrecisionInJSON(t *testing.T) {
	type settings struct{ Precision Precision }
	for _, p := range []Precision{Float32, BFloat16, Auto} {
		text, err := json.Marshal(settings{p})
		if err != nil {
			t.Fatal(err)
		}
		var got settings
		if err := json.Unmarshal(text, &got); err != nil || got.Precision != p {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	var older settings
	if err := json.Unmarshal([]byte(`{}`), &older); err != nil || older.Precision != Float32 {
		t.Errorf("a file without the key has %s, %v", older.Precision, err)
	}
	err := json.Unmarshal([]byte(`{"Precision": "half"}`), &older)
	if err == nil || err.Error() != `no precision "half"; have float32, bfloat16, auto` {
		t.Errorf("an unknown name: %v", err)
	}
}
