#include <torch/torch.h>

#include <iostream>

int main() {
  torch::Tensor w = torch::tensor(4.f, torch::requires_grad());
  torch::Tensor y = 2.f * torch::pow(w, 2) + 3.f * w + 4.f;
  y.backward();
  std::cout << w.grad() << '\n';
}
