// Keen, the everyday parts: #include <keen/keen.h>.
#pragma once
#include <iostream>  // tensors print to streams

// tensors and variables
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/dtype.h"
#include "keen/error.h"
#include "keen/log.h"
#include "keen/random.h"
#include "keen/shape.h"
#include "keen/tensor.h"
#include "keen/variable.h"
#include "keen/version.h"

// operations
#include "keen/ops/arithmetic.h"
#include "keen/ops/clip.h"
#include "keen/ops/debug.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"

// gradients
#include "keen/autodiff/custom_gradient.h"
#include "keen/autodiff/gradient_check.h"
#include "keen/autodiff/gradient_tape.h"

// compiled functions
#include "keen/function/carry.h"
#include "keen/function/control_flow.h"
#include "keen/function/function.h"
#include "keen/function/names.h"
#include "keen/function/tensor_array.h"

// training
#include "keen/data/confusion_matrix.h"
#include "keen/data/dataset.h"
#include "keen/data/files.h"
#include "keen/losses/losses.h"
#include "keen/nn/layers.h"
#include "keen/nn/module.h"
#include "keen/nn/recurrent.h"
#include "keen/nn/sequential.h"
#include "keen/optimizers/optimizers.h"
#include "keen/timeit.h"
#include "keen/train/progress.h"
