// Package rewrite replaces operations of a graph whose gradient TensorFlow's C
// library lacks or has wrong by others that compute the same. Some it has
// silently wrong (a dilated convolution, LRN), one ends the process (a dilated
// convolution without padding). Call [Graph] first.
//
// [Known] is the table of operations whose gradient the tests have compared
// with TensorFlow's in Python. What is not in it gives predictions and no
// gradients.
package rewrite
