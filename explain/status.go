package explain

// Reason returns the reason why a map with this status is not ok, or "" if it is.
func (s Status) Reason() string {
	switch s {
	case Empty:
		return "nothing in the map speaks for the class"
	case Faint:
		return "less than a hundredth of the score reaches the map; biases keep the rest"
	case Constant:
		return "the map is the same everywhere"
	case NonFinite:
		return "the map holds values that are not finite"
	}
	return ""
}
