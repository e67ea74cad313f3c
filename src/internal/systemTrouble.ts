/** What the operating system's error codes mean to a person, for files and folders. @since 0.1.0 */

const meanings: Readonly<Record<string, string>> = {
  EACCES: "this account may not do that there",
  EPERM: "this account may not do that there",
  ENOENT: "it is not there",
  EEXIST: "it is there already",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
  ENOTEMPTY: "the folder is not empty",
  ENOSPC: "the disk is full",
  EDQUOT: "this account may not use more of the disk",
  EFBIG: "the file would be too large",
  EROFS: "the disk is read-only",
  EIO: "the disk reports an error",
  ENODEV: "the disk is gone",
  ENXIO: "the device is gone",
  EMFILE: "this process has too many open files",
  ENFILE: "this machine has too many open files",
  ENOMEM: "this machine has no memory left",
  ENAMETOOLONG: "the path is too long",
  ELOOP: "the path has too many symbolic links",
  EINVAL: "the system does not take it",
  ENOTSUP: "the disk cannot do that",
  EXDEV: "it would be on another disk"
}

/** What a code of the system means; undefined where it is none that files and folders have. @since 0.1.0 @category combinators */
export const systemTrouble = (code: string): string | undefined =>
  Object.hasOwn(meanings, code) ? meanings[code] : undefined

/** What any code of the system means, as the end of a sentence. @since 0.1.0 @category combinators */
export const systemWords = (code: string): string => systemTrouble(code) ?? `the system says ${code}`
