// The exceptions that Keen throws: one kind a cause, all of them keen::Error.
#pragma once
#include <stdexcept>
#include <string>

namespace keen {

/// Base of every exception Keen throws. `what()` reads `[operation] what it got: what it wants, and the way out`.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes, ranks or sizes that do not fit.
class ShapeError : public Error {
  using Error::Error;
};
/// An element type that the operation does not take.
class DTypeError : public Error {
  using Error::Error;
};
/// A device that is absent, or operands on different devices.
class DeviceError : public Error {
  using Error::Error;
};
/// An index or axis out of range.
class IndexError : public Error {
  using Error::Error;
};
/// Memory that the device does not have; everything stays usable.
class OutOfMemory : public Error {
  using Error::Error;
};
/// A file that cannot be opened, read or written.
class IoError : public Error {
  using Error::Error;
};
/// A file whose content is not what its format says.
class FormatError : public Error {
  using Error::Error;
};
/// An argument value or an order of calls that makes no sense.
class UsageError : public Error {
  using Error::Error;
};
/// A broken invariant inside Keen: please report it.
class InternalError : public Error {
  using Error::Error;
};

}  // namespace keen
