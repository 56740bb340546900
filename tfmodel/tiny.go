package tfmodel

// Tiny is a small network with the structure of [AlexNet02], for tests and first
// steps: 32x32 RGB, 8,546 parameters for six classes.
func Tiny(classes int) Architecture {
	return Architecture{
		Name:  "tiny",
		Input: Shape{32, 32, 3},
		Layers: []Named{
			{"conv1", &Conv2D{Filters: 8, Kernel: 5, Stride: 2, Padding: Valid}}, // 14x14
			{"relu1", &ReLU{}},
			{"bn1", &BatchNormalization{}},
			{"conv5", &Conv2D{Filters: 12, Kernel: 3, Stride: 1, Padding: Same}},
			{"relu5", &ReLU{}},
			{"pool5", &MaxPool2D{Size: 3, Stride: 2, Padding: Valid}}, // 6x6
			{"flatten", &Flatten{}},
			{"dropout1", &Dropout{Rate: 0.2}},
			{"fc1", &Dense{Units: 16}},
			{"relu_fc1", &ReLU{}},
			{"fc3", &Dense{Units: classes}},
		},
	}
}
