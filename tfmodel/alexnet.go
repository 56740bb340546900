package tfmodel

// AlexNet02 is the modified AlexNet of He, Gu and Shi ("Recycling waste
// sorting", CS230): AlexNet (Krizhevsky et al. 2012) with batch normalization in
// place of local response normalization and without conv3 and conv4. Input
// 227x227 RGB, raw 0..255. With six classes it has 55,799,814 parameters, 704 of
// them not trained.
func AlexNet02(classes int) Architecture {
	return Architecture{
		Name:  "alexnet02",
		Input: Shape{227, 227, 3},
		Layers: []Named{
			{"conv1", &Conv2D{Filters: 96, Kernel: 11, Stride: 4, Padding: Valid}}, // 55x55
			{"relu1", &ReLU{}},
			{"pool1", &MaxPool2D{Size: 3, Stride: 2, Padding: Valid}}, // 27x27
			{"bn1", &BatchNormalization{}},
			{"conv2", &Conv2D{Filters: 256, Kernel: 5, Stride: 1, Padding: Same}},
			{"relu2", &ReLU{}},
			{"pool2", &MaxPool2D{Size: 3, Stride: 2, Padding: Valid}}, // 13x13
			{"bn2", &BatchNormalization{}},
			{"conv5", &Conv2D{Filters: 256, Kernel: 3, Stride: 1, Padding: Same}}, // Grad-CAM's default layer
			{"relu5", &ReLU{}},
			{"pool5", &MaxPool2D{Size: 3, Stride: 2, Padding: Valid}}, // 6x6
			{"flatten", &Flatten{}},
			{"fc1", &Dense{Units: 4096}},
			{"relu_fc1", &ReLU{}},
			{"fc2", &Dense{Units: 4096}},
			{"relu_fc2", &ReLU{}},
			{"fc3", &Dense{Units: classes}},
		},
	}
}
