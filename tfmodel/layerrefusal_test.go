package tfmodel

import (
	"fmt"
	"math"
	"testing"
)

func TestLayerRefusals(t *testing.T) {
	nan := math.NaN()
	image, row := Shape{5, 5, 3}, Shape{12}
	for _, test := range []struct {
		layer Layer
		in    Shape
		words []string
	}{
		{&Conv2D{Filters: 0, Kernel: 3, Stride: 1, Padding: Same}, image, []string{"filters is 0", "at least 1"}},
		{&Conv2D{Filters: 8, Kernel: 0, Stride: 1, Padding: Same}, image, []string{"kernel is 0", "at least 1"}},
		{&Conv2D{Filters: 8, Kernel: 3, Stride: -1, Padding: Same}, image, []string{"stride is -1", "at least 1"}},
		{&Conv2D{Filters: 8, Kernel: 3, Stride: 1}, image, []string{`padding ""`, "SAME, VALID"}},
		{&Conv2D{Filters: 8, Kernel: 3, Stride: 1, Padding: "same"}, image, []string{`padding "same"`, "SAME, VALID"}},
		{&Conv2D{Filters: 8, Kernel: 6, Stride: 1, Padding: Valid}, image, []string{"kernel of 6", "[5,5,3]", "SAME"}},
		{&Conv2D{Filters: 8, Kernel: 3, Stride: 1, Padding: Same}, row, []string{"input is [12]", "[height,width,channels]"}},
		{&MaxPool2D{Size: 0, Stride: 2, Padding: Valid}, image, []string{"size is 0", "at least 1"}},
		{&MaxPool2D{Size: 3, Padding: Valid}, image, []string{"stride is 0", "at least 1"}},
		{&MaxPool2D{Size: 6, Stride: 2, Padding: Valid}, image, []string{"size of 6", "[5,5,3]", "SAME"}},
		{&AveragePool2D{Size: 3, Stride: 2, Padding: "FULL"}, image, []string{`padding "FULL"`, "SAME, VALID"}},
		{&AveragePool2D{Size: 3, Stride: 2, Padding: Same}, row, []string{"input is [12]", "[height,width,channels]"}},
		{&GlobalAveragePool2D{}, row, []string{"input is [12]", "[height,width,channels]"}},
		{&Dense{}, row, []string{"units is 0", "at least 1"}},
		{&Dense{Units: 4, L2: -1}, row, []string{"l2 is -1", "at least 0"}},
		{&Dense{Units: 4, L2: nan}, row, []string{"l2 is NaN", "at least 0"}},
		{&Dense{Units: 4}, image, []string{"input is [5,5,3]", "flatten"}},
		{&BatchNormalization{Momentum: 1}, image, []string{"momentum is 1", "0 to below 1"}},
		{&BatchNormalization{Momentum: -0.1}, image, []string{"momentum is -0.1", "0 to below 1"}},
		{&BatchNormalization{Momentum: nan}, image, []string{"momentum is NaN", "0 to below 1"}},
		{&BatchNormalization{Epsilon: 1e-6}, image, []string{"epsilon is 1e-06", "at least 1e-5"}},
		{&BatchNormalization{Epsilon: nan}, image, []string{"epsilon is NaN", "at least 1e-5"}},
		{&BatchNormalization{}, row, []string{"input is [12]", "[height,width,channels]"}},
		{&Dropout{Rate: 1}, row, []string{"rate is 1", "0 to below 1"}},
		{&Dropout{Rate: -0.5}, row, []string{"rate is -0.5", "0 to below 1"}},
		{&Dropout{Rate: nan}, row, []string{"rate is NaN", "0 to below 1"}},
		{&Conv2D{Filters: 8, Kernel: 3, Stride: 1, Padding: Same, L2: -1}, image, []string{"l2 is -1", "at least 0"}},
		{&Conv2D{Filters: 8, Kernel: 3, Stride: 1, Padding: Same, Initializer: "he"}, image, []string{`initializer "he"`, "glorot_uniform, he_normal"}},
		{&Dense{Units: 4, Initializer: Ones}, row, []string{`initializer "ones"`, "glorot_uniform, he_normal"}},
		{&Rescaling{}, image, []string{"scale is 0", "other than 0"}},
		{&Rescaling{Scale: nan}, image, []string{"scale is NaN"}},
		{&Rescaling{Scale: 1, Offset: math.Inf(1)}, image, []string{"offset is +Inf"}},
		{&ReLU{MaxValue: -1}, image, []string{"max_value is -1", "above 0"}},
		{&DepthwiseConv2D{Kernel: 0, Stride: 1, Padding: Same}, image, []string{"kernel is 0", "at least 1"}},
		{&DepthwiseConv2D{Kernel: 3, Stride: 1, Padding: Same, L2: -1}, image, []string{"l2 is -1"}},
		{&SqueezeExcitation{}, image, []string{"units is 0", "at least 1"}},
		{&SqueezeExcitation{Units: 1}, row, []string{"input is [12]", "[height,width,channels]"}},
		{&SqueezeExcitation{Units: 1, Activation: "tanh"}, image, []string{`activation "tanh"`, "relu, swish"}},
		{&SqueezeExcitation{Units: 1, Gate: "tanh"}, image, []string{`gate "tanh"`, "sigmoid, hard_sigmoid"}},
		{&LayerNormalization{Epsilon: -1}, image, []string{"epsilon is -1", "above 0"}},
		{&Normalization{Mean: []float64{1}, Std: []float64{1}}, image, []string{"1 means and 1 deviations", "[5,5,3]"}},
		{&Normalization{Mean: []float64{1, 1, 1}, Std: []float64{1, 0, 1}}, image, []string{"std has 0"}},
		{&Normalization{Mean: []float64{1, nan, 1}, Std: []float64{1, 1, 1}}, image, []string{"mean has"}},
		{&ZeroPadding2D{}, image, []string{"size is 0", "at least 1"}},
		{&ZeroPadding2D{Size: 1}, row, []string{"input is [12]", "[height,width,channels]"}},
		{&Residual{}, image, []string{"body is empty"}},
		{&Residual{Body: []Named{{"conv", &Conv2D{Filters: 8, Kernel: 3, Stride: 2, Padding: Same}}}}, image,
			[]string{"body gives [3,3,8]", "shortcut [5,5,3]", "1x1 convolution"}},
		{&Residual{Body: []Named{{"relu", &ReLU{}}}, Shortcut: []Named{{"pool", &MaxPool2D{}}}}, image, []string{"layer pool (max_pool2d)", "size is 0"}},
		{&Residual{Body: []Named{{"relu", &ReLU{}}}, Shortcut: []Named{{"relu", &ReLU{}}}}, image, []string{`two layers are named "relu"`}},
		{&Residual{Body: []Named{{"a/b", &ReLU{}}}}, image, []string{`"a/b"`, "slash"}},
		{&Residual{Body: []Named{{"", &ReLU{}}}}, image, []string{"layer 1 has no name"}},
	} {
		what := fmt.Sprintf("%s %+v", test.layer.Kind(), test.layer)
		_, err := test.layer.OutShape(test.in)
		wantError(t, what, err, test.words...)
		// An architecture adds which layer it is.
		a := Architecture{Name: "mine", Input: image, Layers: []Named{{"odd", test.layer}}}
		if len(test.in) == 1 {
			a.Layers = []Named{{"flat", &Flatten{}}, {"odd", test.layer}}
		}
		_, err = a.Shapes()
		wantError(t, what, err, "architecture mine", "layer odd ("+test.layer.Kind()+")")
	}
}
