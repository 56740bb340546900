package study

import "oscar/result"

// Result is what a study found, study.json. Its types are in package
// study/result, which needs no TensorFlow: the report reads them from there.
type Result = result.Study
