package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Number formats a score with three significant digits. It is a dash if the score is not finite.
func Number(x float64) string {
	switch size := math.Abs(x); {
	case math.IsNaN(x):
		return "–"
	case size >= 1e5 || size > 0 && size < 1e-3:
		return fmt.Sprintf("%.1e", x)
	case size >= 100:
		return fmt.Sprintf("%.0f", x)
	case size >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

// Short formats a number with at most six digits and without trailing zeros, such as "0.2" or
// "5e-6".
func Short(x float64) string {
	text := strconv.FormatFloat(x, 'g', 6, 64)
	return strings.NewReplacer("e-0", "e-", "e+0", "e", "e+", "e").Replace(text)
}

// Percent formats a share, 0 to 1, such as "68.8 %".
func Percent(share float64) string {
	if math.IsNaN(share) {
		return "–"
	}
	return fmt.Sprintf("%.1f\u202f%%", 100*share)
}

// PercentRange formats an interval of shares, such as "63.6 to 73.7 %".
func PercentRange(low, high float64) string {
	if math.IsNaN(low) || math.IsNaN(high) {
		return ""
	}
	return fmt.Sprintf("%.1f to %.1f\u202f%%", 100*low, 100*high)
}

// Thousands formats a count with separators, such as "55,799,814".
func Thousands(n int) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// Count formats a number with its noun, such as "1 image" or "2,148 images".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Thousands(n) + " " + noun + "s"
}

// Bytes formats a size in bytes, such as "1.7 GiB".
func Bytes(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.0f GiB", float64(n)/(1<<30))
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
}

// Seconds formats a time, such as "29 min" or "2 h 5 min".
func Seconds(s float64) string {
	switch d := time.Duration(s * float64(time.Second)); {
	case math.IsNaN(s) || math.IsInf(s, 0):
		return "–"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", s)
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", s)
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}
