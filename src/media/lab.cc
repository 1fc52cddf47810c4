// SPDX-License-Identifier: Apache-2.0
//
// sRGB to CIELAB with the formulas. Back by a table of 33 x 33 x 33 colours and tetrahedral interpolation, because that
// is what LittleCMS makes of the same profiles: with the formulas, a dark or saturated colour would differ by up to 48.
#include "media/lab.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace intarsia {
namespace {

using Triple = std::array<double, 3>;

/// sRGB's primaries seen under D50 (Bradford), and the inverse.
constexpr std::array<Triple, 3> kXyzOfRgb{
    {{0.43604125, 0.38511291, 0.14304584}, {0.22248454, 0.71690508, 0.06061038}, {0.01392019, 0.09706724, 0.71391257}}};
constexpr std::array<Triple, 3> kRgbOfXyz{{{3.13418638, -1.61720896, -0.49069408},
                                           {-0.9787485, 1.91613009, 0.03343341},
                                           {0.07196392, -0.22899387, 1.40575374}}};
constexpr Triple kWhite{0.9642, 1.0, 0.8249};

Triple product(const std::array<Triple, 3>& matrix, const Triple& v) {
  Triple result{};
  for (std::size_t i = 0; i < 3; ++i) result[i] = matrix[i][0] * v[0] + matrix[i][1] * v[1] + matrix[i][2] * v[2];
  return result;
}

double linear(double sample) {
  return sample <= 0.04045 ? sample / 12.92 : std::pow((sample + 0.055) / 1.055, 2.4);
}

double companded(double light) {
  light = std::clamp(light, 0.0, 1.0);
  return light <= 0.0031308 ? light * 12.92 : 1.055 * std::pow(light, 1.0 / 2.4) - 0.055;
}

double cube_root(double t) {
  constexpr double kKnee = 24.0 / 116.0;
  return t > kKnee * kKnee * kKnee ? std::cbrt(t) : 841.0 / 108.0 * t + 16.0 / 116.0;
}

double cubed(double t) {
  return t <= 24.0 / 116.0 ? 108.0 / 841.0 * (t - 16.0 / 116.0) : t * t * t;
}

std::uint8_t rounded(double value) {
  return static_cast<std::uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
}

/// The sign of a and b, which lies in the upper bit: signed bytes to bytes with 128 in the middle, and back.
constexpr std::uint8_t kMiddle = 0x80;

/// RGB in 16 bits at the nodes of a grid over L, a, b.
class Grid {
 public:
  static constexpr int kNodes = 33;

  Grid() {
    for (int l = 0; l < kNodes; ++l)
      for (int a = 0; a < kNodes; ++a)
        for (int b = 0; b < kNodes; ++b)
          nodes_.push_back(colour(share(l) * 100, share(a) * 255 - 128, share(b) * 255 - 128));
  }

  [[nodiscard]] Triple interpolated(const std::array<std::uint8_t, 3>& lab) const {
    std::array<int, 3> node{};
    Triple part{};
    for (std::size_t i = 0; i < 3; ++i) {
      const double at = lab[i] / 255.0 * (kNodes - 1);
      node[i] = std::min(static_cast<int>(at), kNodes - 2);
      part[i] = at - node[i];
    }
    std::array<std::size_t, 3> order{0, 1, 2};
    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return part[x] > part[y]; });
    Triple here = at(node), sum = here;
    for (const std::size_t axis : order) {  // along the edges of the tetrahedron, the longest step first
      ++node[axis];
      const Triple next = at(node);
      for (std::size_t c = 0; c < 3; ++c) sum[c] += (next[c] - here[c]) * part[axis];
      here = next;
    }
    return sum;
  }

 private:
  static double share(int node) { return static_cast<double>(node) / (kNodes - 1); }

  static std::array<std::uint16_t, 3> colour(double l, double a, double b) {
    const double y = (l + 16) / 116;
    const Triple xyz{cubed(y + a / 500) * kWhite[0], cubed(y) * kWhite[1], cubed(y - b / 200) * kWhite[2]};
    const Triple light = product(kRgbOfXyz, xyz);
    std::array<std::uint16_t, 3> rgb{};
    for (std::size_t c = 0; c < 3; ++c)
      rgb[c] = static_cast<std::uint16_t>(std::floor(companded(light[c]) * 65535 + 0.5));
    return rgb;
  }

  [[nodiscard]] Triple at(const std::array<int, 3>& node) const {
    const auto& rgb = nodes_[static_cast<std::size_t>((node[0] * kNodes + node[1]) * kNodes + node[2])];
    return {static_cast<double>(rgb[0]), static_cast<double>(rgb[1]), static_cast<double>(rgb[2])};
  }

  std::vector<std::array<std::uint16_t, 3>> nodes_;
};

}  // namespace

void lab_of_rgb(const std::uint8_t* rgb, std::uint8_t* lab) {
  static const auto kLight = [] {
    std::array<double, 256> light{};
    for (std::size_t i = 0; i < light.size(); ++i) light[i] = linear(static_cast<double>(i) / 255.0);
    return light;
  }();
  const Triple xyz = product(kXyzOfRgb, {kLight[rgb[0]], kLight[rgb[1]], kLight[rgb[2]]});
  const double x = cube_root(xyz[0] / kWhite[0]), y = cube_root(xyz[1] / kWhite[1]), z = cube_root(xyz[2] / kWhite[2]);
  lab[0] = rounded((116 * y - 16) * 2.55);
  lab[1] = rounded(500 * (x - y) + 128) ^ kMiddle;
  lab[2] = rounded(200 * (y - z) + 128) ^ kMiddle;
}

std::array<std::uint8_t, 3> rgb_of_lab(const std::uint8_t* lab) {
  static const Grid kGrid;
  const auto middle = [&](int i) { return static_cast<std::uint8_t>(lab[i] ^ kMiddle); };
  const Triple rgb = kGrid.interpolated({lab[0], middle(1), middle(2)});
  return {rounded(rgb[0] / 257), rounded(rgb[1] / 257), rounded(rgb[2] / 257)};
}

}  // namespace intarsia
