// Package rewrite replaces operations whose gradient is missing or wrong in TensorFlow's C
// library by others that compute the same. Some gradients are silently wrong (dilated
// convolution, LRN), one crashes the process (dilated convolution without padding). Call
// [Graph] first.
//
// [Known] is the table of operations whose gradient the tests have compared
// with TensorFlow's in Python. Other operations have predictions but no gradients.
package rewrite
