package weights

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"

	"oscar/tfmodel"
)

// schemes is the table of other programs' names, with a line per architecture and program.
var schemes = []scheme{
	{program: "Keras Applications", architecture: "mobilenet_v2", layout: kerasLayout, module: kerasMobileNetV2},
	{program: "torchvision", architecture: "mobilenet_v2", layout: torchLayout, module: torchMobileNetV2, prepare: torchvision},
	{program: "efficientnet-pytorch", architecture: "efficientnet_lite0", layout: torchLayout, module: efficientNetPyTorch},
	{program: "Keras, as scripts/fetch-weights", architecture: "efficientnet_lite0", layout: kerasLayout, module: kerasEfficientNet},
	{program: "Keras Applications", architecture: "resnet50", layout: kerasLayout, module: kerasResNet50, prepare: caffe, bgr: true},
	{program: "torchvision and timm", architecture: "resnet50", layout: torchLayout, module: torchResNet, prepare: torchResNet50},
	{program: "torchvision and timm", architecture: "resnet18", layout: torchLayout, module: torchResNet, prepare: torchvision},
	{program: "Keras Applications", architecture: "vgg16", layout: kerasLayout, module: kerasVGG16, prepare: caffe, bgr: true},
	{program: "torchvision", architecture: "vgg11", layout: torchLayout, module: torchVGG(vgg11, false, torchvisionHead), prepare: torchvision, kernel: torchVGGKernel},
	{program: "timm", architecture: "vgg11", layout: torchLayout, module: torchVGG(vgg11, false, timmHead), prepare: torchvision, kernel: torchVGGKernel},
	{program: "torchvision", architecture: "vgg11_bn", layout: torchLayout, module: torchVGG(vgg11, true, torchvisionHead), prepare: torchvision, kernel: torchVGGKernel},
	{program: "timm", architecture: "vgg11_bn", layout: torchLayout, module: torchVGG(vgg11, true, timmHead), prepare: torchvision, kernel: torchVGGKernel},
	{program: "torchvision", architecture: "vgg16", layout: torchLayout, module: torchVGG(vgg16, false, torchvisionHead), prepare: torchvision, kernel: torchVGGKernel},
	{program: "timm", architecture: "vgg16", layout: torchLayout, module: torchVGG(vgg16, false, timmHead), prepare: torchvision, kernel: torchVGGKernel},
	{program: "timm", architecture: "mobilenet_v2", layout: torchLayout, module: timmMobileNetV2, prepare: torchvision},
	{program: "timm, tf_efficientnet_lite0", architecture: "efficientnet_lite0", layout: torchLayout, module: timmEfficientNet, prepare: symmetric,
		path: "tf_efficientnet_lite0", note: "taken for timm's tf_efficientnet_lite0, as the name says: TensorFlow's padding, images from -1 to 1"},
	{program: "timm, efficientnet_lite0", architecture: "efficientnet_lite0", layout: torchLayout, module: timmEfficientNet, prepare: torchvision,
		note: "taken for timm's efficientnet_lite0: PyTorch's padding, ImageNet's mean and deviation; if they are tf_efficientnet_lite0, whose tensors have the same names, put that name into the file's"},
}

// The numbers of convolutions in VGG's stages, and the names of its dense layers.
var (
	vgg11, vgg16    = []int{1, 1, 2, 2, 2}, []int{2, 2, 3, 3, 3}
	torchvisionHead = map[string]string{"fc1": "classifier.0", "fc2": "classifier.3", "fc3": "classifier.6"}
	timmHead        = map[string]string{"fc1": "pre_logits.fc1", "fc2": "pre_logits.fc2", "fc3": "head.fc"}
)

// block matches the name of a layer in a block: block2b/expand_conv, block2a_expand_conv.
var block = regexp.MustCompile(`^block(\d+)([a-z]?|_\d+)[/_]([a-z0-9_]+)$`)

// part is a layer of a block.
type part struct {
	block  int    // the number in its name
	second string // the rest, such as b or _2
	layer  string
}

// partOf parses the name of a layer.
func partOf(layer string) (p part, ok bool) {
	m := block.FindStringSubmatch(layer)
	if m == nil {
		return p, false
	}
	n, err := strconv.Atoi(m[1])
	return part{n, m[2], m[3]}, err == nil
}

// kerasMobileNetV2: stem_conv is Conv1, block2/expand_bn is block_2_expand_BN.
func kerasMobileNetV2(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"stem_conv": "Conv1", "stem_bn": "bn_Conv1", "top_conv": "Conv_1", "top_bn": "Conv_1_bn", "fc": "predictions"}[layer]
	}
	name := "expanded_conv"
	if p.block > 0 {
		name = fmt.Sprint("block_", p.block)
	}
	end, ok := strings.CutSuffix(p.layer, "_bn")
	if ok {
		return name + "_" + end + "_BN"
	}
	return name + "_" + strings.TrimSuffix(p.layer, "_conv")
}

// torchMobileNetV2: block2/expand_bn is features.3.conv.0.1. The first block has no
// expansion.
func torchMobileNetV2(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"stem_conv": "features.0.0", "stem_bn": "features.0.1", "top_conv": "features.18.0", "top_bn": "features.18.1", "fc": "classifier.1"}[layer]
	}
	parts := map[string]string{"expand_conv": "0.0", "expand_bn": "0.1", "depthwise_conv": "1.0", "depthwise_bn": "1.1", "project_conv": "2", "project_bn": "3"}
	if p.block == 0 {
		parts = map[string]string{"depthwise_conv": "0.0", "depthwise_bn": "0.1", "project_conv": "1", "project_bn": "2"}
	}
	return under(fmt.Sprintf("features.%d.conv.", p.block+1), parts[p.layer])
}

// under returns prefix + name, or "" if name is "".
func under(prefix, name string) string {
	if name == "" {
		return ""
	}
	return prefix + name
}

// repeats are the numbers of blocks in EfficientNet-B0's stages.
var repeats = []int{1, 2, 2, 3, 3, 4, 1}

// efficientNetPyTorch: block2b/expand_bn is _blocks.2._bn0. Blocks are numbered.
func efficientNetPyTorch(layer string) string {
	p, ok := partOf(layer)
	if !ok || p.second == "" || p.block < 1 || p.block > len(repeats) {
		return map[string]string{"stem_conv": "_conv_stem", "stem_bn": "_bn0", "top_conv": "_conv_head", "top_bn": "_bn1", "fc": "_fc"}[layer]
	}
	n := int(p.second[0] - 'a')
	for _, r := range repeats[:p.block-1] {
		n += r
	}
	return under(fmt.Sprintf("_blocks.%d.", n), map[string]string{
		"expand_conv": "_expand_conv", "expand_bn": "_bn0", "depthwise_conv": "_depthwise_conv", "depthwise_bn": "_bn1", "project_conv": "_project_conv", "project_bn": "_bn2",
	}[p.layer])
}

// kerasEfficientNet: block2b/expand_bn is block2b_expand_bn.
func kerasEfficientNet(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"stem_conv": "stem_conv", "stem_bn": "stem_bn", "top_conv": "top_conv", "top_bn": "top_bn", "fc": "predictions"}[layer]
	}
	return under(fmt.Sprintf("block%d%s_", p.block, p.second), map[string]string{
		"expand_conv": "expand_conv", "expand_bn": "expand_bn", "depthwise_conv": "dwconv", "depthwise_bn": "bn", "project_conv": "project_conv", "project_bn": "project_bn",
	}[p.layer])
}

// kerasResNet50: block1_2/conv3 is conv2_block2_3_conv.
func kerasResNet50(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"conv1": "conv1_conv", "bn1": "conv1_bn", "fc": "predictions"}[layer]
	}
	kind, number := p.layer[:len(p.layer)-1], p.layer[len(p.layer)-1:]
	if kind != "conv" && kind != "bn" {
		return ""
	}
	return fmt.Sprintf("conv%d_block%s_%s_%s", p.block+1, strings.TrimPrefix(p.second, "_"), number, kind)
}

// torchResNet: block1_2/conv3 is layer1.1.conv3, block1_1/bn0 is layer1.0.downsample.1.
func torchResNet(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"conv1": "conv1", "bn1": "bn1", "fc": "fc"}[layer]
	}
	i, err := strconv.Atoi(strings.TrimPrefix(p.second, "_"))
	if err != nil {
		return ""
	}
	name := p.layer
	switch name {
	case "conv0":
		name = "downsample.0"
	case "bn0":
		name = "downsample.1"
	}
	return fmt.Sprintf("layer%d.%d.%s", p.block, i-1, name)
}

// kerasVGG16: conv1_2 is block1_conv2.
func kerasVGG16(layer string) string {
	if stage, number, ok := strings.Cut(strings.TrimPrefix(layer, "conv"), "_"); ok && strings.HasPrefix(layer, "conv") {
		return "block" + stage + "_conv" + number
	}
	return map[string]string{"fc1": "fc1", "fc2": "fc2", "fc3": "predictions"}[layer]
}

// torchVGG: conv2_1 is features.3, because ReLU and pooling are numbered, too.
func torchVGG(convolutions []int, batchNorm bool, head map[string]string) func(layer string) string {
	names, number, step := maps.Clone(head), 0, 2
	if batchNorm {
		step = 3
	}
	for stage, n := range convolutions {
		for i := range n {
			names[fmt.Sprintf("conv%d_%d", stage+1, i+1)] = fmt.Sprint("features.", number)
			names[fmt.Sprintf("bn%d_%d", stage+1, i+1)] = fmt.Sprint("features.", number+1)
			number += step
		}
		number++ // pooling
	}
	return func(layer string) string { return names[layer] }
}

// torchVGGKernel: the first dense layer reads [channels,height,width], oscar's
// [height,width,channels]. In timm the dense layers are convolutions.
func torchVGGKernel(layer string, shape []int) (view, axes []int) {
	const channels = 512
	switch {
	case !strings.HasPrefix(layer, "fc"):
		return nil, nil
	case len(shape) == 4:
		return shape, []int{2, 3, 1, 0}
	case layer == "fc1" && len(shape) == 2:
		side := int(math.Sqrt(float64(shape[1] / channels)))
		if channels*side*side == shape[1] {
			return []int{shape[0], channels, side, side}, []int{2, 3, 1, 0}
		}
	}
	return nil, nil
}

// timmParts returns the names of a block's layers, which differ without expansion.
func timmParts(expands bool) map[string]string {
	if !expands {
		return map[string]string{"depthwise_conv": "conv_dw", "depthwise_bn": "bn1", "project_conv": "conv_pw", "project_bn": "bn2"}
	}
	return map[string]string{"expand_conv": "conv_pw", "expand_bn": "bn1", "depthwise_conv": "conv_dw", "depthwise_bn": "bn2", "project_conv": "conv_pwl", "project_bn": "bn3"}
}

var timmEnds = map[string]string{"stem_conv": "conv_stem", "stem_bn": "bn1", "top_conv": "conv_head", "top_bn": "bn2", "fc": "classifier"}

// timmEfficientNet: block2b/expand_bn is blocks.1.1.bn1.
func timmEfficientNet(layer string) string {
	p, ok := partOf(layer)
	if !ok || len(p.second) != 1 || p.block < 1 {
		return timmEnds[layer]
	}
	return under(fmt.Sprintf("blocks.%d.%d.", p.block-1, p.second[0]-'a'), timmParts(p.block > 1)[p.layer])
}

// timmMobileNetV2: block2/expand_bn is blocks.1.1.bn1. Oscar numbers all blocks, timm numbers them
// within their stage.
func timmMobileNetV2(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return timmEnds[layer]
	}
	stage, number := 0, p.block
	for _, n := range []int{1, 2, 3, 4, 3, 3, 1} {
		if number < n {
			break
		}
		stage, number = stage+1, number-n
	}
	return under(fmt.Sprintf("blocks.%d.%d.", stage, number), timmParts(p.block > 0)[p.layer])
}

// ImageNet's means and standard deviations in PyTorch, and its means in Caffe.
var (
	imageNet   = &tfmodel.Normalization{Mean: scaled(0.485, 0.456, 0.406), Std: scaled(0.229, 0.224, 0.225)}
	caffeMeans = &tfmodel.Normalization{Mean: []float64{123.68, 116.779, 103.939}, Std: []float64{1, 1, 1}}
)

// scaled converts values of 0..1 to 0..255.
func scaled(shares ...float64) []float64 {
	for i := range shares {
		shares[i] *= 255
	}
	return shares
}
