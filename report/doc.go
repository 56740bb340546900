// Package report draws what a run measured. It knows nothing of TensorFlow.
package report
