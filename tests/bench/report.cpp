#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace cinit::bench {

namespace {

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
}

double median(const Sample& sample) { return quantile(sample.values, 0.5); }

std::vector<Sample> of_figure(const std::vector<Sample>& samples, const std::string& figure) {
  std::vector<Sample> found;
  std::copy_if(samples.begin(), samples.end(), std::back_inserter(found),
               [&](const Sample& one) { return one.figure == figure; });
  return found;
}

// Without the digit that puts figures in order.
std::string title(const std::string& figure) { return figure.substr(figure.find(' ') + 1); }

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  char text[512];
  va_list values;
  va_start(values, pattern);
  std::vsnprintf(text, sizeof(text), pattern, values);
  va_end(values);
  return text;
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
  return result;
}

}  // namespace

std::string table(const std::vector<Sample>& samples, const std::string& reference) {
  std::string text;
  std::string figure;
  double base = 0;
  for (const Sample& sample : samples) {
    if (sample.figure != figure) {
      figure = sample.figure;
      const std::vector<Sample> all = of_figure(samples, figure);
      const auto found =
          std::find_if(all.begin(), all.end(), [&](const Sample& one) { return one.program == reference; });
      const Sample& other = found == all.end() ? all.back() : *found;
      base = median(other);
      text += "\n" + title(figure) + " (ratio: over " + other.program + ")\n";
    }
    text += format("  %-36s %10.1f   %10.1f to %-10.1f %6.2fx\n", sample.program.c_str(), median(sample),
                   quantile(sample.values, 0.25), quantile(sample.values, 0.75), base > 0 ? median(sample) / base : 0);
  }
  return text;
}

std::string json(const std::vector<Sample>& samples) {
  std::string text = "[\n";
  for (const Sample& sample : samples) {
    text += format("  {\"figure\": \"%s\", \"program\": \"%s\", \"median\": %.3f, \"values\": [",
                   title(sample.figure).c_str(), sample.program.c_str(), median(sample));
    for (std::size_t i = 0; i < sample.values.size(); ++i)
      text += format("%s%.3f", i == 0 ? "" : ", ", sample.values[i]);
    text += &sample == &samples.back() ? "]}\n" : "]},\n";
  }
  return text + "]\n";
}

std::string picture(const std::vector<Sample>& samples, const std::string& figure) {
  constexpr int kRow = 26;
  constexpr int kNames = 250;
  constexpr int kBars = 300;
  const std::vector<Sample> all = of_figure(samples, figure);
  double most = 0;
  for (const Sample& sample : all) most = std::max(most, median(sample));
  const int height = 40 + kRow * static_cast<int>(all.size());
  std::string text = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 %d\" width=\"640\" height=\"%d\" role=\"img\">\n",
      height, height);
  text +=
      "<style>text{font:13px sans-serif;fill:#24292f}rect{fill:#8c959f}.own{fill:#1f6feb}"
      "@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect{fill:#6e7681}.own{fill:#58a6ff}}</style>\n";
  text += "<text x=\"4\" y=\"20\" font-weight=\"bold\">" + escaped(title(figure)) + "</text>\n";
  for (std::size_t i = 0; i < all.size(); ++i) {
    const int y = 34 + kRow * static_cast<int>(i);
    const int width = static_cast<int>(std::lround(kBars * median(all[i]) / (most > 0 ? most : 1)));
    const bool is_own = all[i].program.starts_with("cinit");
    text += format(
        "<text x=\"4\" y=\"%d\">%s</text><rect%s x=\"%d\" y=\"%d\" width=\"%d\" height=\"16\"/><text x=\"%d\" "
        "y=\"%d\">%.1f</text>\n",
        y + 13, escaped(all[i].program).c_str(), is_own ? " class=\"own\"" : "", kNames, y, std::max(width, 1),
        kNames + width + 8, y + 13, median(all[i]));
  }
  return text + "</svg>\n";
}

}  // namespace cinit::bench
