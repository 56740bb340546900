package weights

import (
	"testing"

	"oscar/internal/agreement"
)

func TestMain(m *testing.M) { agreement.Main(m, "OSCAR_PYTHON_TENSORFLOW") }
