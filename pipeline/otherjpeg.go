package pipeline

import (
	"oscar/dataset"
	"oscar/internal/graph"
)

// ReadOtherJPEGs makes package dataset decode JPEGs that Go does not support with TensorFlow's
// libjpeg-turbo. Call it before the first image is read.
func ReadOtherJPEGs() { dataset.OtherJPEG = graph.DecodeJPEG }
