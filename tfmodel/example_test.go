package tfmodel_test

import (
	"fmt"

	"oscar/tfmodel"
)

// A network is a list of named layers. What a layer takes in follows from the
// one before it.
func Example() {
	a := tfmodel.Architecture{
		Name:  "mine",
		Input: tfmodel.Shape{32, 32, 3},
		Layers: []tfmodel.Named{
			{Name: "conv1", Layer: &tfmodel.Conv2D{Filters: 8, Kernel: 5, Stride: 2, Padding: tfmodel.Valid}},
			{Name: "relu1", Layer: &tfmodel.ReLU{}},
			{Name: "gap", Layer: &tfmodel.GlobalAveragePool2D{}},
			{Name: "fc1", Layer: &tfmodel.Dense{Units: 6}},
		},
	}
	rows, err := a.Summary()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range rows {
		fmt.Printf("%-5s %-21s %-10v %d\n", r.Name, r.Kind, r.Output, r.Parameters)
	}
	// Output:
	// conv1 conv2d                [14,14,8]  608
	// relu1 relu                  [14,14,8]  0
	// gap   global_average_pool2d [8]        0
	// fc1   dense                 [6]        54
}

// An ablation is an edit: the study's baseline without normalization.
func ExampleArchitecture_Without() {
	a, err := tfmodel.AlexNet02(6).Without("batch_normalization")
	if err != nil {
		fmt.Println(err)
		return
	}
	total, frozen, err := a.Parameters()
	fmt.Println(total, frozen, err)

	_, err = tfmodel.Tiny(6).Without("bn2")
	fmt.Println(err)
	// Output:
	// 55798406 0 <nil>
	// no layer "bn2" (bn1?) in tiny; have conv1, relu1, bn1, conv5, relu5, pool5, flatten, dropout1, fc1, relu_fc1, fc3
}

// What a batch takes tells whether a network can be trained here.
func ExampleArchitecture_Memory() {
	a, err := tfmodel.AlexNet02(6).Without("max_pool2d")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := a.Memory(32, tfmodel.Training{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d GiB\n", m.Training>>30)
	// Output: 75 GiB
}
