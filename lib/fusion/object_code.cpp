#include "fusion/object_code.h"

#include <elf.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "core/message.h"
#include "keen/error.h"

namespace keen::detail::fusion {
namespace {

// What compiled kernels may call from outside.
struct External {
  const char* name;
  void* address;
};
#define KEEN_EXTERNAL(name, type) \
  { #name, reinterpret_cast < void*>(static_cast <type>(&::name)) }
using Unary = double (*)(double);
using Binary = double (*)(double, double);
const External externals[] = {
    KEEN_EXTERNAL(memcpy, void* (*)(void*, const void*, std::size_t)),
    KEEN_EXTERNAL(memset, void* (*)(void*, int, std::size_t)),
    KEEN_EXTERNAL(sin, Unary),
    KEEN_EXTERNAL(cos, Unary),
    KEEN_EXTERNAL(erf, Unary),
    KEEN_EXTERNAL(pow, Binary),
    KEEN_EXTERNAL(fmod, Binary),
    KEEN_EXTERNAL(fmodf, float (*)(float, float)),
};
#undef KEEN_EXTERNAL

// A jump to an address that a 32-bit displacement may not reach: `jmp *0(%rip)`, then the address.
constexpr std::size_t stub_bytes = 16;
void write_stub(unsigned char* at, const void* target) {
  constexpr unsigned char jump[6] = {0xff, 0x25, 0, 0, 0, 0};
  std::memcpy(at, jump, sizeof jump);
  std::memcpy(at + sizeof jump, &target, sizeof target);
}

template <class... Parts>
void require(bool holds, const Parts&... what) {
  if (!holds) fail<InternalError>("jit", "object code: ", what...);
}

// The object's tables, every offset checked against its size.
class Elf {
 public:
  explicit Elf(std::string_view bytes) : bytes_(bytes), header_(at<Elf64_Ehdr>(0)) {
    require(
        std::memcmp(header_.e_ident, ELFMAG, SELFMAG) == 0 && header_.e_ident[EI_CLASS] == ELFCLASS64 &&
            header_.e_type == ET_REL && header_.e_machine == EM_X86_64 && header_.e_shentsize == sizeof(Elf64_Shdr),
        "not a relocatable x86-64 object");
    for (std::size_t i = 0; i < header_.e_shnum; ++i)
      sections.push_back(at<Elf64_Shdr>(header_.e_shoff + i * sizeof(Elf64_Shdr)));
  }

  template <class T>
  T at(std::size_t offset) const {
    T value;
    std::memcpy(&value, content(offset, sizeof value), sizeof value);
    return value;
  }
  const char* content(std::size_t offset, std::size_t size) const {
    require(offset <= bytes_.size() && size <= bytes_.size() - offset, "it ends early");
    return bytes_.data() + offset;
  }
  const Elf64_Shdr& section(std::size_t i) const {
    require(i < sections.size(), "no such section");
    return sections[i];
  }
  Elf64_Sym symbol(const Elf64_Shdr& table, std::size_t i) const {
    require((i + 1) * sizeof(Elf64_Sym) <= table.sh_size, "no such symbol");
    return at<Elf64_Sym>(table.sh_offset + i * sizeof(Elf64_Sym));
  }
  std::string_view name(const Elf64_Shdr& table, const Elf64_Sym& symbol) const {
    const auto& strings = section(table.sh_link);
    require(symbol.st_name < strings.sh_size, "a name outside the table");
    const char* first = content(strings.sh_offset, strings.sh_size) + symbol.st_name;
    return {first, strnlen(first, strings.sh_size - symbol.st_name)};
  }

  std::vector<Elf64_Shdr> sections;

 private:
  std::string_view bytes_;
  Elf64_Ehdr header_;
};

// Where each section goes in one mapping, the stubs behind them.
struct Plan {
  std::vector<std::size_t> place;
  std::size_t stubs = 0, size = 0;
};

bool is_loaded(const Elf64_Shdr& section) { return (section.sh_flags & SHF_ALLOC) && section.sh_size > 0; }

Plan lay_out(const Elf& elf) {
  Plan plan;
  for (const auto& section : elf.sections) {
    const std::size_t align = section.sh_addralign ? section.sh_addralign : 1;
    if (is_loaded(section)) {
      require(align <= 4096 && section.sh_size < (std::size_t{1} << 28), "a section of odd size");
      require(!(section.sh_flags & SHF_WRITE), "it wants writable data");
      plan.size = (plan.size + align - 1) / align * align;
    }
    plan.place.push_back(plan.size);
    if (is_loaded(section)) plan.size += section.sh_size;
  }
  plan.stubs = plan.size = (plan.size + stub_bytes - 1) / stub_bytes * stub_bytes;
  plan.size += stub_bytes * std::size(externals);
  return plan;
}

class Linker {
 public:
  Linker(const Elf& elf, const Plan& plan, unsigned char* memory) : elf_(elf), plan_(plan), memory_(memory) {
    for (std::size_t i = 0; i < std::size(externals); ++i)
      write_stub(memory + plan.stubs + i * stub_bytes, externals[i].address);
  }

  void load() {
    for (std::size_t i = 0; i < elf_.sections.size(); ++i) {
      const auto& section = elf_.sections[i];
      if (is_loaded(section) && section.sh_type != SHT_NOBITS)
        std::memcpy(memory_ + plan_.place[i], elf_.content(section.sh_offset, section.sh_size), section.sh_size);
    }
    for (const auto& section : elf_.sections)
      if (section.sh_type == SHT_RELA && is_loaded(elf_.section(section.sh_info))) relocate(section);
  }

  void* find(std::string_view wanted) const {
    for (const auto& section : elf_.sections) {
      if (section.sh_type != SHT_SYMTAB) continue;
      for (std::size_t i = 0; i < section.sh_size / sizeof(Elf64_Sym); ++i) {
        const auto symbol = elf_.symbol(section, i);
        if (symbol.st_shndx != SHN_UNDEF && elf_.name(section, symbol) == wanted) return address(section, symbol);
      }
    }
    fail<InternalError>("jit", "object code: no symbol ", wanted);
  }

 private:
  unsigned char* address(const Elf64_Shdr& table, const Elf64_Sym& symbol) const {
    if (symbol.st_shndx == SHN_UNDEF) {
      const auto name = elf_.name(table, symbol);
      for (std::size_t i = 0; i < std::size(externals); ++i)
        if (name == externals[i].name) return memory_ + plan_.stubs + i * stub_bytes;
      fail<InternalError>("jit", "object code: it needs ", name);
    }
    const auto& section = elf_.section(symbol.st_shndx);
    require(is_loaded(section) && symbol.st_value <= section.sh_size, "a symbol outside its section");
    return memory_ + plan_.place[symbol.st_shndx] + symbol.st_value;
  }

  void relocate(const Elf64_Shdr& list) const {
    const auto& target = elf_.section(list.sh_info);
    const auto& symbols = elf_.section(list.sh_link);
    for (std::size_t i = 0; i < list.sh_size / sizeof(Elf64_Rela); ++i) {
      const auto entry = elf_.at<Elf64_Rela>(list.sh_offset + i * sizeof(Elf64_Rela));
      const auto type = ELF64_R_TYPE(entry.r_info);
      const std::size_t width = type == R_X86_64_64 || type == R_X86_64_PC64 ? 8 : 4;
      require(
          entry.r_offset <= target.sh_size && target.sh_size - entry.r_offset >= width,
          "a relocation outside its section");
      unsigned char* place = memory_ + plan_.place[list.sh_info] + entry.r_offset;
      const auto symbol = elf_.symbol(symbols, ELF64_R_SYM(entry.r_info));
      const auto value = reinterpret_cast<std::int64_t>(address(symbols, symbol)) + entry.r_addend;
      const std::int64_t relative = value - reinterpret_cast<std::int64_t>(place);
      switch (type) {
        case R_X86_64_64:
          std::memcpy(place, &value, 8);
          break;
        case R_X86_64_PC64:
          std::memcpy(place, &relative, 8);
          break;
        case R_X86_64_PC32:
        case R_X86_64_PLT32: {
          const auto narrow = static_cast<std::int32_t>(relative);
          require(narrow == relative, "a jump too far");
          std::memcpy(place, &narrow, 4);
          break;
        }
        default:
          fail<InternalError>("jit", "object code: relocation type ", type);
      }
    }
  }

  const Elf& elf_;
  const Plan& plan_;
  unsigned char* memory_;
};

}  // namespace

ObjectCode::ObjectCode(std::string_view object, std::string_view symbol) {
  const Elf elf(object);
  const Plan plan = lay_out(elf);
  // Written first, executable afterwards, never both.
  void* memory = mmap(nullptr, plan.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw OutOfMemory("[jit] no memory for compiled code");
  memory_ = memory;
  bytes_ = plan.size;
  try {
    Linker linker(elf, plan, static_cast<unsigned char*>(memory));
    linker.load();
    entry_ = linker.find(symbol);
    if (mprotect(memory, plan.size, PROT_READ | PROT_EXEC) != 0)
      fail<InternalError>("jit", "the system does not let this process run generated code");
  } catch (...) {
    munmap(memory, plan.size);
    memory_ = nullptr;
    throw;
  }
}

ObjectCode::~ObjectCode() {
  if (memory_) munmap(memory_, bytes_);
}

}  // namespace keen::detail::fusion
