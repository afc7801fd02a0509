// What esbuild makes of files that are not code.
declare module '*.svg' {
  const text: string;
  export default text;
}
