export function finishRescue(_path: string): void {}
export function isLogDamaged(_path: string): boolean {
  return false
}
export function rescue(_spec: unknown): string {
  throw new Error('not yet')
}
export function moveAside(path: string, _why: string): string {
  return path
}
