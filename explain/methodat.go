package explain

// MethodAt is a method at a layer, or at the image.
type MethodAt struct {
	Method string // "gradcam"
	Layer  string // a layer's name, or [Image]
}

// String is how the command line names it: "gradcam@conv5"; without the layer if
// that is the image.
func (m MethodAt) String() string {
	if m.Layer == "" || m.Layer == Image {
		return m.Method
	}
	return m.Method + "@" + m.Layer
}

// At returns the method and the layer.
func (a Attribution) At() MethodAt { return MethodAt{a.Method, a.Layer} }
