// Charts for the samples: a line in the terminal, curves over logarithmic axes as SVG.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace samples {

/// Values from left to right, joined into a line of dots, with the largest and the smallest named at the side.
inline std::string line_chart(const std::vector<double>& values, int height = 12) {
  if (values.empty()) return {};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double span = *high > *low ? *high - *low : 1;
  auto row_of = [&](double v) { return static_cast<int>(std::lround((*high - v) / span * (height - 1))); };
  std::string out;
  for (int row = 0; row < height; ++row) {
    char label[16] = "";
    if (row == 0 || row == height - 1) std::snprintf(label, sizeof label, "%.4g", row == 0 ? *high : *low);
    char side[32];
    std::snprintf(side, sizeof side, "%10s │", label);
    out += side;
    for (std::size_t i = 0; i < values.size(); ++i) {
      // A steep step fills the rows between this value and the last.
      const int here = row_of(values[i]), last = i ? row_of(values[i - 1]) : here;
      const bool joined = (row > std::min(here, last) && row < std::max(here, last));
      out += row == here ? "•" : joined ? "│" : " ";
    }
    out += '\n';
  }
  out += "           └";
  for (std::size_t i = 0; i < values.size(); ++i) out += "─";
  return out + '\n';
}

struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // positive x and y
};
struct Panel {
  std::string title, x_label, y_label;
  std::vector<Curve> curves;
};

/// Panels side by side, both axes logarithmic with a line at each power of ten.
inline void write_svg(const std::string& path, const std::vector<Panel>& panels) {
  constexpr double width = 420, height = 320, left = 70, right = 20, top = 40, bottom = 50;
  constexpr const char* colours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd"};
  std::ofstream svg(path);
  svg << "<svg xmlns='http://www.w3.org/2000/svg' width='" << width * double(panels.size()) << "' height='" << height
      << "' font-family='sans-serif' font-size='12'>\n<rect width='100%' height='100%' fill='white'/>\n";
  double offset = 0;
  for (const Panel& panel : panels) {
    double x0 = 1e300, x1 = 0, y0 = 1e300, y1 = 0;
    for (const Curve& c : panel.curves) {
      for (auto [x, y] : c.points)
        x0 = std::min(x0, x), x1 = std::max(x1, x), y0 = std::min(y0, y), y1 = std::max(y1, y);
    }
    const double ly0 = std::floor(std::log10(y0)), ly1 = std::max(std::ceil(std::log10(y1)), ly0 + 1);
    const double lx0 = std::log10(x0), lx1 = std::max(std::log10(x1), lx0 + 1e-9);
    auto px = [&](double lx) { return offset + left + (lx - lx0) / (lx1 - lx0) * (width - left - right); };
    auto py = [&](double ly) { return height - bottom - (ly - ly0) / (ly1 - ly0) * (height - top - bottom); };
    auto line = [&](double ax, double ay, double bx, double by) {
      svg << "<line x1='" << ax << "' y1='" << ay << "' x2='" << bx << "' y2='" << by << "' stroke='#ccc'/>\n";
    };
    auto label = [&](double x, double y, const std::string& text, const char* more = "text-anchor='middle'") {
      svg << "<text x='" << x << "' y='" << y << "' " << more << '>' << text << "</text>\n";
    };
    for (double ly = ly0; ly <= ly1; ++ly) {
      line(px(lx0), py(ly), px(lx1), py(ly));
      label(px(lx0) - 6, py(ly) + 4, "1e" + std::to_string(int(ly)), "text-anchor='end'");
    }
    for (double lx = std::ceil(lx0 - 1e-9); lx <= lx1 + 1e-9; ++lx) {
      line(px(lx), py(ly0), px(lx), py(ly1));
      label(px(lx), height - bottom + 18, "1e" + std::to_string(int(lx)));
    }
    label(offset + (left + width) / 2, 20, panel.title, "text-anchor='middle' font-weight='bold'");
    label(offset + (left + width) / 2, height - 10, panel.x_label);
    label(offset + left, top - 8, panel.y_label, "text-anchor='middle'");
    for (std::size_t k = 0; k < panel.curves.size(); ++k) {
      const char* colour = colours[k % 4];
      svg << "<polyline fill='none' stroke-width='2' stroke='" << colour << "' points='";
      for (auto [x, y] : panel.curves[k].points) svg << px(std::log10(x)) << ',' << py(std::log10(y)) << ' ';
      svg << "'/>\n<text x='" << offset + left + 12 << "' y='" << top + 16 + 16 * double(k) << "' fill='" << colour
          << "'>" << panel.curves[k].name << "</text>\n";
    }
    offset += width;
  }
  svg << "</svg>\n";
}

}  // namespace samples
