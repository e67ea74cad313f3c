/** Networks, as the commands of a shell that make them. */

export const loopback = "ip link set lo up"

/** A route to the internet by IPv4, or by IPv6. */
export const route = (family: "4" | "6", address: string) =>
  `ip link add up${family} type veth peer name down${family}
   ip addr add ${address} dev up${family}${family === "6" ? " nodad" : ""}
   ip link set up${family} up; ip link set down${family} up
   ip -${family} route add default dev up${family}`

/** A link behind which 10.9.9.9 answers nothing. */
export const silentLink = `ip link add silent0 type veth peer name silent1
   ip addr add 10.9.9.1/24 dev silent0
   ip link set silent0 up
   ip link set silent1 up
   ip neigh add 10.9.9.9 lladdr 02:00:00:00:00:01 dev silent0`
