package mask_test

import (
	"testing"

	"oscar/internal/agreement"
)

func TestMain(m *testing.M) { agreement.Main(m) }
