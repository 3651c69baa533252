/**
 * The page as one HTML text. From source it is built when it is asked for; deploy/bundle.ts puts the built text in
 * the place of this module.
 * @throws where it cannot be built: esbuild is not there
 */
export async function pageText(): Promise<string> {
  const { buildPage } = await import('./page-build.ts');
  return await buildPage();
}
