declare module '*.proto' {
  const text: string;
  export default text;
}

declare module 'core-js/actual/iterator';
