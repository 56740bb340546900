// Package rewrite replaces operations whose gradient is missing or wrong in TensorFlow's C library
// by equivalent ones. Some gradients are silently wrong (dilated convolution, LRN), one crashes the
// process (dilated convolution without padding). Start with [Graph].
//
// [Known] is the table of operations whose gradient was compared with TensorFlow's in Python, by the
// tests. Models with other operations have predictions but no gradients there.
package rewrite
