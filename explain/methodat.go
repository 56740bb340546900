package explain

// MethodAt is a method and its layer, or the image as layer.
type MethodAt struct {
	Method string // "gradcam"
	Layer  string // a layer's name, or [Image]
}

// String returns the command line's notation, such as "gradcam@conv5"; without the layer if it is
// the image.
func (m MethodAt) String() string {
	if m.Layer == "" || m.Layer == Image {
		return m.Method
	}
	return m.Method + "@" + m.Layer
}

// At returns the method and the layer.
func (a Attribution) At() MethodAt { return MethodAt{a.Method, a.Layer} }
