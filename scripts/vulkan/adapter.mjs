// Run by probe.mjs in a process of its own, because a driver can take the process down with it.
// Prints one line of JSON: { adapter } or { error, code }.
try {
  const { create } = await import('webgpu');
  let gpu = create([]); // must outlive the adapter
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  const { vendor, architecture, device, description } = adapter?.info ?? {};
  console.log(JSON.stringify({ adapter: adapter && { vendor, architecture, device, description } }));
  gpu = undefined; // the process cannot end while Dawn's object is referenced
} catch (error) {
  console.log(JSON.stringify({ adapter: null, error: error.message, code: error.code }));
}
