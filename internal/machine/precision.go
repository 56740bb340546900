package machine

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"
)

// Precision is the number type of convolutions and matrix products. Weights, losses and results are
// always float32. In JSON and YAML it is a name.
type Precision int

// The precisions.
const (
	Float32  Precision = iota
	BFloat16           // 8 bits of mantissa; needs [HasBFloat16]
	Auto               // chosen before use, see [Precision.Choose]
)

var precisions = []string{"float32", "bfloat16", "auto"}

// HasBFloat16 reports whether the processor has instructions that multiply bfloat16
// numbers, AVX512_BF16 or AMX.
func HasBFloat16() bool { return cpu.X86.HasAVX512BF16 || cpu.X86.HasAMXBF16 }

// Check returns an error for bfloat16 on a processor without instructions for it.
func (p Precision) Check() error {
	if p == BFloat16 && !HasBFloat16() {
		return fmt.Errorf("precision bfloat16 needs a processor with AVX512_BF16 or AMX; this one, %s, has neither: take float32, or auto", Processor())
	}
	return nil
}

// Choose replaces [Auto] by [BFloat16] if pays is true and the processor has the instructions,
// otherwise by [Float32].
func (p Precision) Choose(pays bool) Precision {
	switch {
	case p != Auto:
		return p
	case pays && HasBFloat16():
		return BFloat16
	}
	return Float32
}

// String returns the name.
func (p Precision) String() string {
	if p < 0 || int(p) >= len(precisions) {
		return fmt.Sprintf("precision %d", int(p))
	}
	return precisions[p]
}

// Set sets the precision of that name. With String and Type it is a flag's value.
func (p *Precision) Set(name string) error {
	i := slices.Index(precisions, name)
	if i < 0 {
		return fmt.Errorf("no precision %q; have %s", name, strings.Join(precisions, ", "))
	}
	*p = Precision(i)
	return nil
}

// Type returns the name of the value's type in help texts.
func (*Precision) Type() string { return "string" }

// MarshalText returns the name.
func (p Precision) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a name.
func (p *Precision) UnmarshalText(name []byte) error { return p.Set(string(name)) }
