package pipeline

import (
	"oscar/dataset"
	"oscar/internal/graph"
)

// ReadOtherJPEGs lets package dataset decode JPEGs that Go does not know by
// TensorFlow's libjpeg-turbo. It is called before the first image is read.
func ReadOtherJPEGs() { dataset.OtherJPEG = graph.DecodeJPEG }
