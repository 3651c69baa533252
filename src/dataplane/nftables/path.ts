/** The nft executable: the one given, else NFT of the environment, else the one in PATH. */
export function nftPath(given?: string): string {
  return given ?? (process.env['NFT'] || 'nft');
}
