// CSV tables (RFC 4180).
#include <charconv>

#include "core/message.h"
#include "data/file.h"
#include "keen/creation.h"
#include "keen/data/files.h"

namespace keen::data {

namespace {

using keen::detail::fail;

// Splits text into records of cells.
class Parser {
 public:
  Parser(std::string_view text, char delimiter, const std::string& path)
      : text_(text), delimiter_(delimiter), path_(path) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // a byte order mark
  }

  bool next_record(std::vector<std::string>& cells) {
    cells.clear();
    while (at_ < text_.size() && is_break()) skip_break();  // blank lines
    if (at_ >= text_.size()) return false;
    record_line_ = line_;
    for (;;) {
      cells.push_back(next_cell());
      if (at_ >= text_.size()) return true;
      if (is_break()) {
        skip_break();
        return true;
      }
      ++at_;  // the delimiter
    }
  }
  std::int64_t record_line() const { return record_line_; }

 private:
  bool is_break() const { return text_[at_] == '\n' || text_[at_] == '\r'; }
  void skip_break() {
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    ++at_;
    ++line_;
  }

  std::string next_cell() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted_cell();
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != delimiter_ && !is_break()) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted_cell() {
    std::string cell;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') cell += text_[at_];
      else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') cell += text_[++at_];
      else {
        ++at_;
        if (at_ < text_.size() && text_[at_] != delimiter_ && !is_break())
          fail<FormatError>("read_csv", "'", path_, "' line ", line_, ": text behind a closing quote");
        return cell;
      }
    }
    fail<FormatError>("read_csv", "'", path_, "': the quote opened in line ", record_line_, " does not close");
  }

  std::string_view text_;
  const char delimiter_;
  const std::string& path_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1, record_line_ = 1;
};

}  // namespace

Table read_csv(const std::string& path, const CsvOptions& options) {
  const std::string text = keen::detail::read_file("read_csv", path);
  Parser parser(text, options.delimiter, path);
  std::vector<std::string> names, cells;
  if (!parser.next_record(names)) fail<FormatError>("read_csv", "'", path, "' is empty: wants a line of column names");
  std::vector<std::vector<std::string>> rows;
  while (parser.next_record(cells)) {
    if (cells.size() != names.size())
      fail<FormatError>(
          "read_csv", "'", path, "' line ", parser.record_line(), " has ", cells.size(), " cells, the header ",
          names.size());
    rows.push_back(std::move(cells));
  }
  return Table(std::move(names), std::move(rows), path);
}

Table::Table(std::vector<std::string> names, std::vector<std::vector<std::string>> rows, std::string source)
    : names_(std::move(names)), rows_(std::move(rows)), source_(std::move(source)) {}

std::size_t Table::find(const std::string& name) const {
  std::string known;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == name) return i;
    known.append(i ? ", " : "").append(names_[i]);
  }
  fail<IndexError>("table", "'", source_, "' has no column '", name, "': there are ", known);
}

const std::string& Table::cell(std::int64_t row, const std::string& column) const {
  if (row < 0 || row >= rows()) fail<IndexError>("table", "row ", row, " of ", rows());
  return rows_[static_cast<std::size_t>(row)][find(column)];
}

float Table::number(std::size_t row, std::size_t column) const {
  const std::string& text = rows_[row][column];
  const char *begin = text.data(), *end = begin + text.size();
  while (begin != end && *begin == ' ') ++begin;
  while (begin != end && end[-1] == ' ') --end;
  float value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || stop != end)
    fail<FormatError>(
        "table", "'", source_, "' row ", row + 1, ", column '", names_[column], "': '", text, "' is no number");
  return value;
}

Tensor Table::column(const std::string& name) const { return columns({name}).reshape({rows()}); }

Tensor Table::columns(const std::vector<std::string>& names) const {
  std::vector<std::size_t> at;
  for (const auto& name : names) at.push_back(find(name));
  std::vector<float> values;
  values.reserve(rows_.size() * at.size());
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    for (std::size_t column : at) values.push_back(number(row, column));
  }
  return constant(values, Shape{rows_.size(), at.size()});
}

}  // namespace keen::data
