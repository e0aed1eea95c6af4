// As much of the global as the kernel needs; it belongs to no library that Node's types include.
declare namespace WebAssembly {
  const Module: new (bytes: Uint8Array<ArrayBuffer>) => Module;
  const Instance: new (module: Module) => { readonly exports: object };
  type Module = object;
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
}
