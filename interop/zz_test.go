package interop
import ("testing";"os")
func TestKeep(t *testing.T){ if os.Getenv("KEEP")=="" {t.Skip()}; for _, r := range large { r.make(t, os.Getenv("KEEP")) } }
